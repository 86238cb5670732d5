"""What the tests of programs share: a program with many ways to go wrong, a job that uses it, and what has to come of it."""
import hashlib
import hmac
import json
import os
import re
import signal
import time

from harness import expect

KEY = "the key of the house, zq7wx"
PROGRAM = r'''
import hashlib, hmac, json, os, signal, subprocess, sys, time
mode, key = os.environ["MODE"], os.environ["HOUSE_KEY"]
lines = sys.stdin.readlines()
with open("calls", "a") as calls:
    calls.write("".join(json.dumps(json.loads(line)["takes"]) + "\n" for line in lines) + "--\n")
def answer(line):
    asked = json.loads(line)
    email = asked["takes"]["email"]
    return {"row": asked["row"], "gives": {"pseudonym": "p-" + hmac.new(key.encode(), email.strip().lower().encode(), hashlib.sha256).hexdigest()[:24], "size": len(email), "day": "2025-03-0%d" % (1 + len(email) % 9), "share": "0.10", "doc": {"n": [1, None]}}}
answers = [answer(line) for line in lines]
number = open("calls").read().count("--")
if mode.startswith("third:"):
    mode = mode[6:] if number >= 3 else "good"
if mode == "killer": os.kill(os.getppid(), signal.SIGKILL)
if mode == "crash":
    print("cannot reach the vault with " + key, file=sys.stderr)
    sys.exit(3)
if mode == "signal": os.kill(os.getpid(), signal.SIGSEGV)
if mode == "hang":
    open("pid", "w").write(str(os.getpid()))
    print("waiting for the vault", file=sys.stderr, flush=True)
    time.sleep(60)
if mode == "left": subprocess.Popen(["sleep", "60"])
if mode == "closes":
    os.close(0)
    answers = answers[:0]
if mode == "few": answers = answers[:-1]
if mode == "many": answers.append(answers[-1])
if mode == "order": answers[1], answers[2] = answers[2], answers[1]
if mode == "missing": del answers[1]["gives"]["size"]
if mode == "extra": answers[1]["gives"]["sise"] = 1
if mode == "type": answers[1]["gives"]["size"] = "7"
if mode == "range": answers[1]["gives"]["size"] = 1 << 70
if mode == "null": answers[1]["gives"]["pseudonym"] = None
if mode == "date": answers[1]["gives"]["day"] = "2025-02-30"
if mode == "shape": answers[1] = [1, 2]
text = "".join(json.dumps(each) + "\n" for each in answers)
if mode == "garbage": text = "Traceback (most recent call last):\n" + text
if mode == "bytes":
    sys.stdout.buffer.write(b'{"row": 1, "gives": {"pseudonym": "\xff\xfe"}}\n')
    sys.exit(0)
if mode == "long": text = text + " " * (70 << 20)
if mode == "loud": print("x" * 1_000_000, file=sys.stderr)
if mode == "world":
    print(json.dumps({"env": sorted(os.environ), "files": sorted(os.listdir("/proc/self/fd"))[:-1], "group": os.getpgid(0) == os.getpid(), "argv": sys.argv[1:], "here": os.path.exists("job.bfl"),
                      "pipe": signal.getsignal(signal.SIGINT) is not None and open("/proc/self/status").read().split("SigIgn:")[1].split()[0]}), file=sys.stderr)
    sys.exit(1)
sys.stdout.write(text)
'''
JOB = """
job pseudonyms { why "Addresses become pseudonyms of the house." }
use std.text
param house_key: secret text = env("HOUSE_KEY")
param mode: text = "good"
param limit: duration = 20s
source shop = SOURCE
program pseudonym = ["python3", "./pseudonym.py", "a b", "$HOME;*"] {
  gives pseudonym: text
  gives size: int
  gives day: date?
  gives share: decimal
  gives doc: json
  env HOUSE_KEY = house_key
  env MODE = mode
  env LANG = "C.UTF-8"
  within limit
  batch 20
}
snapshot named = shop.customers where not starts_with(email, "p-") keep { id, email, country } through pseudonym(email)
update all of shop.customers where not starts_with(email, "p-")
  join one named as n on n.id == id and n.email == email else skip "changed meanwhile" {
  set email = n.pseudonym
  chunk 30
}
verify done {
  assert every(starts_with(email, "p-") from shop.customers)
  assert sum(size from named) > 0 and every(share == 0.1 and day >= 2025-03-01 from named)
}
"""
# How it goes wrong, and what is said of it.
FAILURES = {
    "crash": r"`pseudonym` ended with exit code 3(.|\n)*it wrote to standard error: cannot reach the vault with \*\*\*\n",
    "signal": r"`pseudonym` was ended by signal 11 \(Segmentation fault\)",
    "hang": r"`pseudonym` took more than 2s and was ended(.|\n)*waiting for the vault(.|\n)*within 5m",
    "closes": r"answers with 0 lines for 20 rows",
    "few": r"`pseudonym` answers with 19 lines for 20 rows",
    "many": r"answers with more lines than the 20 that it was given",
    "order": r"line 2 is of row 3, expected row 2",
    "missing": r"line 2 gives no `size`, in the row with id = ",
    "extra": r"line 2 gives `sise`, which the job does not declare",
    "type": r"line 2 gives \"7\" for `size`, expected an int, in the row with id = ",
    "range": r"line 2 gives 1180591620717411303424 for `size`, expected an int",
    "null": r"line 2 gives null for `pseudonym`, expected a text",
    "date": r"line 2 gives \"2025-02-30\" for `day`, expected a date that may be null",
    "shape": r"line 2 has no `row` and `gives`",
    "garbage": r"line 1 is no JSON: (.|\n)*Traceback \(most recent call last\):",
    "bytes": r"line 1 is no JSON: the text is not valid UTF-8",
    "long": r"answers with more than 64 MiB",
}


def write(place, source):
    place.write("pseudonym.py", PROGRAM)
    place.write("job.bfl", JOB.replace("SOURCE", source))


def pseudonym(email):
    return "p-" + hmac.new(KEY.encode(), email.strip().lower().encode(), hashlib.sha256).hexdigest()[:24]


def calls(place):
    """What was asked, by call."""
    file = place.folder / "calls"
    return [[json.loads(line)["email"] for line in part.splitlines()] for part in file.read_text().split("--\n")[:-1]] if file.exists() else []


def goes_well(place, emails, env):
    before = emails()
    plan = place.call("plan", "job.bfl", env=env).stdout
    expect(calls(place) == [], "a plan calls the program")
    for part in ("through   pseudonym(email), 20 rows a call, each within 20s", "gives     pseudonym: text, size: int, day: date?, share: decimal, doc: json", "HOUSE_KEY = ***", "count     known once `pseudonym` has answered", "200 rows would be kept"):
        expect(part in plan, f"the plan does not say `{part}`:\n{plan}")
    through = [step["through"] for step in json.loads(place.call("plan", "job.bfl", "--json", env=env).stdout)["steps"] if "through" in step]
    expect(through[0]["takes"] == ["email"] and through[0]["environment"]["HOUSE_KEY"] == "***" and len(through[0]["digest"]) == 64, f"{through}")
    done = place.call("run", "job.bfl", env=env)
    expect(emails() == {key: pseudonym(email) for key, email in before.items()}, f"wrong pseudonyms:\n{done.stdout}")
    asked = calls(place)
    expect(all(len(part) <= 20 for part in asked) and sorted(sum(asked, [])) == sorted(set(before.values())), f"asked in {len(asked)} calls: {asked}")
    expect("nothing to do" in place.call("run", "job.bfl", env=env).stdout and calls(place) == asked, "the second run does something")
    place.call("audit", "verify", "job.bfl", env=env)
    place.write("pseudonym.py", PROGRAM + "# another\n")
    plan = place.call("plan", "job.bfl", env=env).stdout
    expect(re.search(r"snapshot named\n +decision +run: ", plan), f"another program changes nothing:\n{plan}")


def goes_wrong(place, emails, env):
    before = emails()
    for mode, said in FAILURES.items():
        (place.folder / "calls").unlink(missing_ok=True)
        limit = ["--set", "limit=2s"] if mode == "hang" else []
        done = place.call("run", "job.bfl", "--set", f"mode={mode}", *limit, code=5, env=env, timeout=60)
        expect("BFL0516" in done.stderr and re.search(said, done.stderr), f"{mode}:\n{done.stderr}")
        expect("zq7wx" not in done.stderr + done.stdout + place.call("log").stdout, f"{mode} tells of the key:\n{done.stderr}")
        expect(emails() == before, f"{mode} changed rows")
    for mode in ("left", "loud"):
        (place.folder / "calls").unlink(missing_ok=True)
        began = time.monotonic()
        place.call("run", "job.bfl", "--only", "named", "--set", f"mode={mode}", env=env, timeout=60)
        expect(time.monotonic() - began < 30, f"{mode} is waited for")
    said = json.loads(re.search(r"standard error: (\{.*\})", place.call("run", "job.bfl", "--set", "mode=world", code=5, env=env).stderr)[1])
    expect(said["env"] in (["HOUSE_KEY", "LANG", "MODE"], ["HOUSE_KEY", "LANG", "LC_CTYPE", "MODE"]) and said["files"] == ["0", "1", "2"], f"it sees {said}")
    expect(said["group"] and said["here"] and said["argv"] == ["a b", "$HOME;*"] and int(said["pipe"], 16) & (1 << (signal.SIGTERM - 1)) == 0, f"it sees {said}")


def survives_a_kill(place, emails, env):
    before = emails()
    place.call("run", "job.bfl", "--set", "mode=third:crash", code=5, env=env)
    answered = sum(calls(place)[:2], [])
    place.call("run", "job.bfl", "--set", "mode=third:crash", code=5, env=env)
    expect(len(calls(place)) == 4 and not set(answered) & set(calls(place)[3]), "rows with an answer are asked again")
    place.call("run", "job.bfl", "--set", "mode=third:killer", code=-signal.SIGKILL, env=env)
    (place.folder / "calls").unlink()
    place.call("run", "job.bfl", "--set", "mode=third:killer", code=-signal.SIGKILL, env=env)
    answered = sum(calls(place)[:2], [])
    expect(len(answered) == 40 and emails() == before, "the kill came too late")
    (place.folder / "calls").write_text("")
    place.call("run", "job.bfl", "--set", "mode=third:killer", "--limit-chunks", "1", code=-signal.SIGKILL, env=env)
    later = sum(calls(place), [])
    expect(not set(answered) & set(later), "rows with an answer are asked again")


def is_ended_with_the_run(place, emails, env):
    before = emails()
    for stop in (signal.SIGTERM, signal.SIGINT):
        (place.folder / "pid").unlink(missing_ok=True)
        run = place.start("run", "job.bfl", "--set", "mode=hang", env=env)
        until = time.monotonic() + 20
        while not (place.folder / "pid").exists() or not (place.folder / "pid").read_text():
            expect(time.monotonic() < until, "it was not started")
            time.sleep(0.02)
        for _ in range(2):
            run.send_signal(stop)
            time.sleep(0.3)
        out, err = run.communicate(timeout=20)
        expect(run.returncode == 128 + stop, f"exit {run.returncode}:\n{out}{err}")
        pid = int((place.folder / "pid").read_text())
        try:
            os.kill(pid, 0)
            expect(False, "the program outlives the run")
        except ProcessLookupError:
            pass
    expect(emails() == before, "rows were changed")
