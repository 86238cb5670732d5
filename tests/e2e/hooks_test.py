#!/usr/bin/env python3
"""Events of a run are told outside, and whatever becomes of that, the run is as it would have been."""
import json
import time

from answering import Answering
from harness import expect, main

JOB = """
job mark {
  why "Each row gets its mark."
  ticket "OPS-7"
}
source shop = sqlite("shop.db")
update mark of shop.orders where note == null chunk 100 { set note = "seen" }
verify done { assert count(shop.orders where note == null) == 0 }
"""


class Server(Answering):
    """Keeps what is posted; `status` and `wait` say how it answers."""

    def __init__(self, status=200, wait=0):
        self.status, self.wait, self.bodies, self.paths = status, wait, [], []
        super().__init__()
        self.url += "/hook?token=abcdefgh12345678"

    def answered(self, request):
        self.bodies.append((request.headers["Content-Type"], request.rfile.read(int(request.headers["Content-Length"]))))
        self.paths.append(request.path)
        time.sleep(self.wait)
        return self.status.pop(0) if isinstance(self.status, list) else self.status, ""

    def events(self):
        return [json.loads(body) for _, body in self.bodies]


def fresh(place, job=JOB):
    place.shop(500)
    place.sql("UPDATE orders SET note = NULL")
    place.write("mark.bfl", job)


def an_address_is_told(place):
    fresh(place)
    with Server() as server:
        place.call("run", "mark.bfl", "--hook", server.url, "--hook", "step_finished,chunk_committed=" + server.url.replace("hook", "all"))
    told = [event for event, path in zip(server.events(), server.paths) if path.startswith("/hook")]
    expect([event["event"] for event in told] == ["run_started", "run_finished"], told)
    end = told[-1]
    expect(end["job"] == "mark" and end["rows_changed"] == 500 and end["exit_code"] == 0 and end["outcome"] == "done" and end["ticket"] == "OPS-7" and end["why"] and end["who"], end)
    others = [event for event, path in zip(server.events(), server.paths) if path.startswith("/all")]
    expect([event["event"] for event in others] == ["chunk_committed"] * 5 + ["step_finished"] * 2, others)
    expect({kind for kind, _ in server.bodies} == {"application/json"}, server.bodies)


def a_command_is_told(place):
    fresh(place)
    place.write("tell.sh", 'cat >> told; echo "" >> told; echo "$BFL_EVENT" >> names\n')
    place.call("run", "mark.bfl", "--hook", "run_started,run_finished=sh ./tell.sh")
    told = [json.loads(line) for line in (place.folder / "told").read_text().splitlines()]
    expect([event["event"] for event in told] == ["run_started", "run_finished"], told)
    expect((place.folder / "names").read_text().split() == ["run_started", "run_finished"], "the name stands in the environment")


def failures_are_told(place):
    fresh(place, JOB + 'verify never { assert count(shop.orders) == 0 "never" }\n')
    with Server() as server:
        place.call("run", "mark.bfl", "--hook", server.url, code=1)
    events = {event["event"]: event for event in server.events()}
    expect(events["assertion_failed"]["step"] == "never" and events["run_finished"]["outcome"] == "failed" and events["run_finished"]["exit_code"] == 1, events)


def what_is_set_aside_is_told(place):
    fresh(place, JOB.split("update")[0] + "update mark of shop.orders where total != 1 { set total = to_decimal(note) quarantine <= 3 }\n")
    place.sql("UPDATE orders SET note = CASE id WHEN 17 THEN 'x' ELSE '1' END")
    with Server() as server:
        place.call("run", "mark.bfl", "--hook", server.url, code=3)
    events = {event["event"]: event for event in server.events()}
    expect(events["row_quarantined"]["keys"] == ["17"] and "decimal" in events["row_quarantined"]["reason"], events)
    expect(events["run_finished"]["quarantined"] == 1 and events["run_finished"]["outcome"] == "rows left", events)


def a_hook_that_fails_changes_nothing(place):
    fresh(place)
    with Server(status=404) as server:
        done = place.call("run", "mark.bfl", "--hook", server.url, "--hook", "exit 3", "--hook", "http://127.0.0.1:1/x", "--hook", "run_finished=/nonexistent/program")
    expect("answers with status 404" in done.stderr and "ended with exit code 3" in done.stderr and "127.0.0.1:1" in done.stderr, done.stderr)
    expect("warning: hook" in done.stderr and "abcdefgh12345678" not in done.stderr, done.stderr)
    expect(place.value("SELECT count(*) FROM orders WHERE note IS NULL") == 0, "the rows are changed")


def what_fails_for_a_while_is_told_again(place):
    fresh(place)
    with Server(status=[503, 200]) as server:
        done = place.call("run", "mark.bfl", "--hook", "run_finished=" + server.url)
    expect(len(server.bodies) == 2 and "warning" not in done.stderr, done.stderr)


def nobody_waits_for_a_hook(place):
    """A server that takes half a minute for each, and a command that never ends: chunks go by as if there were none."""
    fresh(place)
    with Server(wait=30) as server:
        began = time.monotonic()
        done = place.call("run", "mark.bfl", "--hook", "chunk_committed,run_finished=" + server.url, "--hook", "run_started=sleep 1000")
        took = time.monotonic() - began
    expect(took < 25, f"{took:.1f} s")
    expect("not told in time" in done.stderr, done.stderr)
    journal = [json.loads(line) for line in place.call("log", "mark.bfl", "--json").stdout.splitlines()]
    times = [entry["time"] for entry in journal if entry["kind"] in ("run_started", "run_finished")]
    expect(times[0][:17] == times[1][:17] or float(times[1][17:26]) - float(times[0][17:26]) % 60 < 4, times)


def secrets_stay(place):
    fresh(place, JOB.replace('why "Each row gets its mark."', 'why "Each row gets its mark."').replace("source shop", 'param key: secret text = env("KEY")\nsource shop').replace('== 0 }', '== 0 or "x" == key "it is hunter2hunter2" }'))
    with Server() as server:
        place.call("run", "mark.bfl", "--hook", server.url, code=None, env={"KEY": "hunter2hunter2"})
    expect(not any(b"hunter2hunter2" in body for _, body in server.bodies), server.bodies)


def the_project_says_whom_to_tell(place):
    fresh(place)
    with Server() as server:
        place.write("bfl.toml", '[outside]\nhooks = ["run_finished=$ALERT_HOOK", "cat > told.json"]\nmetrics = "bfl.prom"\nlineage = "lineage.ndjson"\n')
        refused = place.call("run", "mark.bfl", code=2)
        expect("`ALERT_HOOK` is not set" in refused.stderr and place.value("SELECT count(*) FROM orders WHERE note IS NULL") == 500, refused.stderr)
        done = place.call("run", "mark.bfl", "--metrics", "flag.prom", env={"ALERT_HOOK": server.url})
    expect([event["event"] for event in server.events()] == ["run_finished"] and "abcdefgh12345678" not in done.stdout + done.stderr, server.events())
    expect(json.loads((place.folder / "told.json").read_text())["event"] == "run_finished", "the command is told as well")
    expect((place.folder / "flag.prom").exists() and not (place.folder / "bfl.prom").exists(), "a flag goes before the project")
    expect(len((place.folder / "lineage.ndjson").read_text().splitlines()) == 2, "lineage is appended")
    with Server() as server:
        again = place.call("run", "mark.bfl", env={"ALERT_HOOK": server.url})
    expect("nothing to do" in again.stdout and [event["exit_code"] for event in server.events()] == [0], "who wants to be told hears of a finished job as well")
    place.write("bfl.toml", '[outside]\nhooks = ["run_finised=true"]\nmetrics_port = "no port"\n')
    wrong = place.call("run", "mark.bfl", code=2)
    expect("no event `run_finised`" in wrong.stderr and "bfl.toml:2:10" in wrong.stderr and "no place to listen on" in wrong.stderr, wrong.stderr)
    place.write("bfl.toml", '[outside]\nhooks = "true"\nmetric = "x"\n')
    wrong = place.call("run", "mark.bfl", code=2)
    expect("a list of texts" in wrong.stderr and "did you mean `metrics`?" in wrong.stderr, wrong.stderr)


def what_makes_no_sense_is_refused(place):
    fresh(place)
    done = place.call("run", "mark.bfl", "--hook", "run_ended=true", code=2)
    expect("no event `run_ended`" in done.stderr and "`run_finished`" in done.stderr and place.value("SELECT count(*) FROM orders WHERE note IS NULL") == 500, done.stderr)


if __name__ == "__main__":
    main([an_address_is_told, a_command_is_told, failures_are_told, what_is_set_aside_is_told, a_hook_that_fails_changes_nothing, what_fails_for_a_while_is_told_again,
          nobody_waits_for_a_hook, secrets_stay, the_project_says_whom_to_tell, what_makes_no_sense_is_refused])
