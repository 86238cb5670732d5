"""PostgreSQL servers of the harness's own, which may be stopped, killed, copied and started again."""
import contextlib
import getpass
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from reporting import ROOT


def binaries():
    return next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), None) or str(pathlib.Path(shutil.which("pg_ctl") or "/nowhere/x").parent)


def owner():
    if os.getuid() != 0:
        return getpass.getuser()
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def as_owner(*words, environment=None):
    """The server refuses root."""
    if os.getuid() == 0:
        user = pwd.getpwnam(owner())
        words = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *words)
    return subprocess.run(words, cwd="/", env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL)


class Server:
    def __init__(self, folder):
        self.folder = str(folder)
        started = subprocess.run(["sh", str(ROOT / "tests/postgres.sh"), "start", self.folder], stdout=subprocess.DEVNULL)
        if started.returncode:
            raise RuntimeError("the server did not start")
        self.place = pathlib.Path(self.folder, "place").read_text().strip()
        self.data = f"{self.place}/data"
        self.url = pathlib.Path(self.folder, "url").read_text().strip()
        self.port = self.url.rsplit(":", 1)[1].split("/")[0]

    def processes(self):
        postmaster = int(pathlib.Path(self.data, "postmaster.pid").read_text().split()[0])
        children = [int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/stat") if parent_of(path) == postmaster]
        return [postmaster, *children]

    def stop(self, mode):
        as_owner(f"{binaries()}/pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def kill(self):
        """All its processes at once, as when the machine goes; what was synced is there."""
        gone = self.processes()
        for process in gone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(pathlib.Path(f"/proc/{process}").exists() and parent_of(pathlib.Path(f"/proc/{process}/stat")) is not None for process in gone):
            time.sleep(0.01)
        pathlib.Path(self.data, "postmaster.pid").unlink(missing_ok=True)

    def kill_backends(self):
        """Those that serve bfl: the server then starts all others anew as well."""
        for process in self.processes()[1:]:
            with contextlib.suppress(OSError):
                if b"bfl" in pathlib.Path(f"/proc/{process}/cmdline").read_bytes() and b"idle" in pathlib.Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)

    def start(self, environment=None):
        options = f"-p {self.port} -k {self.place} -c listen_addresses=127.0.0.1"
        for _ in range(20):
            if as_owner(f"{binaries()}/pg_ctl", "-D", self.data, "-l", f"{self.place}/log", "-w", "-t", "60", "-o", options, "start",
                        environment=environment).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(pathlib.Path(self.place, "log").read_text()[-2000:])

    def close(self):
        subprocess.run(["sh", str(ROOT / "tests/postgres.sh"), "stop", self.folder], stdout=subprocess.DEVNULL)


def parent_of(stat):
    try:
        fields = stat.read_text().rsplit(")", 1)[1].split()
        return None if fields[0] in "ZX" else int(fields[1])
    except OSError:
        return None


def standby_of(server, folder):
    """A copy that follows it, on a port of its own; started."""
    pathlib.Path(folder).mkdir(exist_ok=True)
    place = tempfile.mkdtemp(prefix="bfl-postgres.")
    os.chmod(place, 0o755)
    if os.getuid() == 0:
        shutil.chown(place, owner())
    copy = Server.__new__(Server)
    copy.folder, copy.place, copy.data = str(folder), place, f"{place}/data"
    copy.port = str(int(server.port) + 1)
    copy.url = server.url.replace(f":{server.port}/", f":{copy.port}/")
    for name, text in (("place", copy.place), ("url", copy.url)):
        pathlib.Path(folder, name).write_text(text + "\n")
    made = as_owner(f"{binaries()}/pg_basebackup", "-d", server.url, "-D", copy.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
    if made.returncode:
        raise RuntimeError("pg_basebackup failed")
    copy.start()
    return copy


@contextlib.contextmanager
def servers(count, folder):
    made = []
    try:
        for number in range(count):
            made.append(Server(folder / f"server{number}"))
        yield made
    finally:
        for server in made:
            server.close()
