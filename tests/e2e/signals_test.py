#!/usr/bin/env python3
"""Signals of `pace` that an address gives: what holds a run back, what does not, and what is never shown."""
import json
import time
import urllib.parse

from answering import Answering
from harness import expect, main, wait_for

JOB = """
job paced { why "Each row gets its mark." pace { RULES } }
PARAM
source shop = sqlite("shop.db")
update mark of shop.orders where note == null chunk 100 { set note = "seen" }
"""


class Server(Answering):
    """Answers each path as `answers` says: (status, text), or a function that gives the text; keeps what was asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []
        super().__init__()

    def answered(self, request):
        parts = urllib.parse.urlsplit(request.path)
        self.asked.append((parts.path, urllib.parse.parse_qs(parts.query)))
        status, text = self.answers[parts.path]
        return status, text() if callable(text) else text


def fresh(place, rules, param=""):
    place.shop(500)
    place.sql("UPDATE orders SET note = NULL")
    place.write("paced.bfl", JOB.replace("RULES", rules).replace("PARAM", param))


def marked(place):
    return place.value("SELECT count(*) FROM orders WHERE note = 'seen'")


def held(place):
    return [entry["reason"] for entry in place.journal("paced.bfl", "held_back")]


def holds_then_goes_on(place, server, path, before, after, reason, env=None):
    server.answers[path] = before
    run = place.start("run", "paced.bfl", env=env)
    wait_for(lambda: held(place), "the signal")
    expect(reason in held(place)[0], held(place))
    expect(marked(place) == 0 and run.poll() is None, "nothing is changed meanwhile")
    status = place.call("status", json.loads(place.call("status", "paced.bfl", "--json").stdout)[0]["run"]).stdout
    expect("held back" in status and reason in status, status)
    server.answers[path] = after
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0 and marked(place) == 500, f"exit {run.returncode}\n{out}{err}")
    return out + err + status + place.call("log", "paced.bfl", "--json").stdout


def a_number_holds_the_run_back(place):
    with Server({}) as server:
        fresh(place, f'pause when http("{server.url}/depth") > 10.5')
        holds_then_goes_on(place, server, "/depth", (200, "12\n"), (200, " 10.5 "), f'`http("{server.url}") > 10.5`: it is 12')


def a_place_in_json_holds_the_run_back(place):
    with Server({}) as server:
        fresh(place, f'pause when http("{server.url}/health?a=1", "/queues/1/depth") >= 3')
        holds_then_goes_on(place, server, "/health", (200, '{"queues": [{"depth": 0}, {"depth": "7"}]}'), (200, '{"queues": [{"depth": 9}, {"depth": 2}]}'), "it is 7")
        expect(server.asked[0][1] == {"a": ["1"]}, server.asked[0])


def a_sample_of_prometheus_holds_the_run_back(place):
    def vector(*values):
        return 200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"n": str(i)}, "value": [1700000000.1, value]} for i, value in enumerate(values)]}})
    with Server({}) as server:
        fresh(place, f'pause when prometheus("{server.url}/", "max(lag{{db=\\"a b\\"}}) + 0") > 5')
        holds_then_goes_on(place, server, "/api/v1/query", vector("6.5"), vector("0.2"), "it is 6.5")
        expect(server.asked[0][1]["query"] == ['max(lag{db="a b"}) + 0'], server.asked[0])
        # None is no value, and several are none either.
        for answer, words in ((vector(), "no value"), (vector("1", "2"), "gives 2 samples"), (vector("NaN"), "no value"), ((200, '{"status": "error"}'), "none of a Prometheus server"), ((400, "{}"), "status 400")):
            place.sql("UPDATE orders SET note = NULL")
            (place.folder / ".bfl/state.db").unlink()
            place.sql("DELETE FROM bfl_control")
            again = JOB.replace("mark", "mark" + str(len(server.asked))).replace("RULES", f'pause when prometheus("{server.url}/", "x") > 5').replace("PARAM", "")
            place.write("paced.bfl", again)
            holds_then_goes_on(place, server, "/api/v1/query", answer, (200, '{"status": "success", "data": {"resultType": "scalar", "result": [1.5, "1"]}}'), words)


def what_cannot_be_had_holds_the_run_back(place):
    """No server, no answer in time, an error, no number, too much of one: never full speed."""
    with Server({}) as server:
        fresh(place, f'pause when http("{server.url}/depth") > 10')
        number = 0
        for answer, words in (((503, ""), "answers with status 503"), ((200, "many"), "neither a number nor JSON"), ((200, "{}"), "no value"), ((200, "[" + "1," * (1 << 20)), "more than 1 MiB"), ((200, lambda: time.sleep(7) or "1"), "imeout")):
            number += 1
            place.sql("UPDATE orders SET note = NULL")
            place.write("paced.bfl", JOB.replace("mark", f"mark{number}").replace("RULES", f'pause when http("{server.url}/depth") > 10').replace("PARAM", ""))
            (place.folder / ".bfl/state.db").unlink(missing_ok=True)
            holds_then_goes_on(place, server, "/depth", answer, (200, "3"), words)
    place.sql("UPDATE orders SET note = NULL")
    (place.folder / ".bfl/state.db").unlink()
    place.write("paced.bfl", JOB.replace("mark", "gone").replace("RULES", f'stop when http("{server.url}/depth") > 10').replace("PARAM", ""))
    done = place.call("run", "paced.bfl", code=75)
    expect("stop when" in done.stderr and "127.0.0.1" in done.stderr and marked(place) == 0, done.stderr)


def secrets_of_addresses_stay(place):
    with Server({}) as server:
        fresh(place, f'pause when http("{server.url}/depth?token=hunter2hunter2") > 1')
        done = place.call("run", "paced.bfl", code=2)
        expect("BFL0215" in done.stderr and "param key: secret text" in done.stderr, done.stderr)
        fresh(place, f'pause when http("{server.url}/depth?place=hunter2hunter2", "/n") > 1 pause when http(f"{server.url}/other?key={{key}}") > 1', 'param key: secret text = env("KEY")')
        server.answers["/other"] = (200, "0")
        told = holds_then_goes_on(place, server, "/depth", (200, '{"n": 2}'), (200, '{"n": 1}'), "it is 2", env={"KEY": "swordfish42"})
        expect(({"key": ["swordfish42"]}) in [query for path, query in server.asked if path == "/other"], server.asked)
        server.answers["/other"] = (500, "")
        place.sql("UPDATE orders SET note = NULL")
        place.write("paced.bfl", (place.folder / "paced.bfl").read_text().replace("mark", "again").replace("pause", "stop"))
        done = place.call("run", "paced.bfl", code=75, env={"KEY": "swordfish42"})
        told += done.stdout + done.stderr + place.call("log", "paced.bfl", "--json", env={"KEY": "swordfish42"}).stdout
        expect("hunter2" not in told and "swordfish" not in told and "answers with status 500" in told, told)


if __name__ == "__main__":
    main([a_number_holds_the_run_back, a_place_in_json_holds_the_run_back, a_sample_of_prometheus_holds_the_run_back, what_cannot_be_had_holds_the_run_back, secrets_of_addresses_stay])
