"""A trial: one job on one database, run, disturbed, run again until it is done, and looked at after each."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from checker import Wrong, check_done, check_now, hold

CODES = {0: "done", 1: "failed", 3: "conflicts", 75: "stopped", 130: "stopped", 143: "stopped"}


def binaries():
    """bfl as it is released, and the same with fault points."""
    return os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


class Trial:
    verb = "run"
    beside = set()        # files that lie beside the job
    frees_the_job = True  # a killed run's mark on the job, when there was nothing left to do

    def __init__(self, bfl, database, folder, job):
        self.bfl, self.database, self.folder, self.job = bfl, database, folder, job
        self.story = []              # of every run: what was done to it and how it ended
        self.diary_is_whole = True   # what the state file says was written by every run, up to its end
        self.environment = {**os.environ, "FAULTS_URL": database.url, "TMPDIR": str(folder)}
        self.environment.pop("NO_COLOR", None)
        database.reset()
        shutil.rmtree(folder / ".bfl", ignore_errors=True)
        (folder / "job.bfl").write_text(job.script(database.declared))
        if job.program:
            (folder / "program.py").write_text(job.program)

    def start(self, *flags, env=None, bfl=None, **more):
        # No pipe that could fill while nobody reads.
        self.output = open(self.folder / "output", "w+")
        return subprocess.Popen([bfl or self.bfl, self.verb, "job.bfl", *(self.job.flags if self.verb == "run" else ()), *flags], cwd=self.folder, env={**self.environment, **(env or {})},
                                stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, **more)

    def ended(self, process, what, timeout=120):
        """-> how it ended: an exit code, or minus a signal."""
        code = process.wait(timeout)
        self.output.seek(0)
        self.said = self.output.read()
        self.output.close()
        self.story.append((what, code))
        hold("Sanitizer" not in self.said and "runtime error:" not in self.said and code not in (70, -signal.SIGABRT, -signal.SIGSEGV),
             f"bfl crashed: exit {code}\n{self.said}")
        return code

    def run(self, *flags, what="run", env=None, bfl=None, timeout=120, **more):
        return self.ended(self.start(*flags, env=env, bfl=bfl, **more), what, timeout)

    def stopped_at(self, point, env=None):
        """The process, standing still at the point; `woken` lets it go on."""
        process = self.start(env={**(env or {}), "BFL_FAULT": f"{point}:stop"}, bfl=binaries()[1])
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            ended, status = os.waitpid(process.pid, os.WNOHANG | os.WUNTRACED)
            if ended and os.WIFSTOPPED(status):
                return process
            hold(not ended, f"{point} was not reached: {(self.folder / 'output').read_text()}")
            time.sleep(0.003)
        raise Wrong(f"{point} was not reached in time")

    def woken(self, process, what):
        process.send_signal(signal.SIGCONT)
        return self.ended(process, what)

    def ask(self, *words):
        done = subprocess.run([self.bfl, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60)
        hold(done.returncode == 0, f"bfl {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def check_now(self):
        self.database.settle()
        return check_now(self.database, self.job)

    def finish(self, again=True):
        """Undisturbed to its end, and then once more, which must find nothing to do."""
        self.database.settle()
        hold(self.run(what="to its end") == self.job.code, f"the run that should have finished ended with {self.story[-1][1]}\n{self.said}")
        ledger = self.check_done()
        if not again:
            return self.check_history()
        hold(self.run(what="again") == self.job.code, f"the run of the finished job ended with {self.story[-1][1]}\n{self.said}")
        again = self.check_done()
        hold([step[6] for step in again.steps] == [step[6] for step in ledger.steps], "a finished job changed rows")
        return self.check_history()

    def check_done(self):
        self.database.settle()
        ledger = check_done(self.database, self.job, free=self.frees_the_job)
        left = {path.name for path in self.folder.iterdir()} - {"job.bfl", "program.py", ".bfl"} - self.beside
        hold(not {name for name in left if not name.startswith(("db.db", "first.db", "output"))}, f"files are left: {left}")
        return ledger

    def check_history(self):
        """`bfl audit verify` finds everything in order, `bfl status` has every run with its end, `bfl log` the chunks."""
        self.ask("audit", "verify", "job.bfl")
        if not (self.folder / ".bfl/state.db").exists():
            return
        runs = json.loads(self.ask("status", "--json"))
        log = [json.loads(line) for line in self.ask("log", "--json").splitlines()]
        hold(all(run["state"] != "running" for run in runs), f"a run is shown as running, and none is: {runs}")
        killed = sum(code < 0 for _, code in self.story)
        cut_short = sum(run["state"] == "cut short" for run in runs)
        if not self.diary_is_whole:
            return
        hold(cut_short <= killed, f"{cut_short} runs are shown as cut short, {killed} were killed")
        ends = [code for _, code in self.story if code >= 0]
        told = sorted(run["exit_code"] for run in runs if "exit_code" in run)
        hold(all(told.count(code) <= ends.count(code) + killed for code in told), f"`bfl status` tells other ends: {told}, {ends}")
        for run in runs:
            hold(run["state"] == "cut short" or run["state"] == CODES.get(run["exit_code"], "refused"), f"a state that fits no exit code: {run}")
        chunks = [(entry["step"], entry["chunk"]) for entry in log if entry["kind"] == "chunk_committed"]
        hold(len(chunks) == len(set(chunks)), f"a chunk is told twice: {chunks}")
