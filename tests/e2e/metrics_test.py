#!/usr/bin/env python3
"""What a run is doing, as Prometheus and OpenLineage read it."""
import json
import re
import socket
import time
import urllib.error
import urllib.request
import uuid

from harness import expect, main
from hooks_test import Server, fresh

SAMPLE = re.compile(r'^([a-z_]+)\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\} (-?[0-9.]+(?:e[+-]?[0-9]+)?)$')


def read(text):
    """-> {(name, step): value}; every line is a comment or a sample, every family is described once, before its samples."""
    samples, described = {}, []
    for line in text.splitlines():
        if re.match(r"(# [A-Z]+ )?exposer_", line):  # of the server that answers
            continue
        if line.startswith("# TYPE "):
            described.append(line.split()[2])
        if line.startswith("#"):
            continue
        found = SAMPLE.match(line)
        expect(found, f"no sample: {line}")
        labels = dict(re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', found[2]))
        expect(labels["job"] == "mark" and labels["run"] and found[1] == described[-1], line)
        samples[found[1], labels.get("step", "")] = float(found[3])
    expect(len(described) == len(set(described)), described)
    return samples


def a_file_is_kept(place):
    fresh(place)
    place.call("run", "mark.bfl", "--metrics", "bfl.prom")
    samples = read((place.folder / "bfl.prom").read_text())
    expect(samples["bfl_rows_changed_total", "mark"] == 500 and samples["bfl_chunks_total", "mark"] == 5 and samples["bfl_run_exit_code", ""] == 0, samples)
    expect(samples["bfl_run_finished_timestamp_seconds", ""] >= samples["bfl_run_started_timestamp_seconds", ""] > 1.6e9, samples)
    expect(not (place.folder / "bfl.prom.tmp").exists(), "nothing is left beside it")


def a_port_is_served_while_the_run_lasts(place):
    fresh(place)
    text = (place.folder / "mark.bfl").read_text()
    place.write("mark.bfl", text.replace('ticket "OPS-7"', "pace { rows <= 200/s }"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = place.start("run", "mark.bfl", "--metrics-port", str(port))
    seen, end = {}, time.monotonic() + 60
    while time.monotonic() < end and run.poll() is None and seen.get(("bfl_rows_changed_total", "mark"), 0) < 200:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                expect(answer.headers["Content-Type"].startswith("text/plain"), answer.headers)
                seen = read(answer.read().decode()) or seen
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    expect(200 <= seen["bfl_rows_changed_total", "mark"] <= 500, seen)
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/other", timeout=5)
        expect(False, "another path is answered")
    except urllib.error.HTTPError as refused:
        expect(refused.code == 404, refused)
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0, out + err)


def what_cannot_be_opened_is_said(place):
    fresh(place)
    place.call("run", "mark.bfl", "--metrics-port", "http", code=2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = place.call("run", "mark.bfl", "--metrics-port", str(taken.getsockname()[1]), code=5)
    expect("cannot be served" in done.stderr and place.value("SELECT count(*) FROM orders WHERE note IS NULL") == 500, done.stderr)
    done = place.call("run", "mark.bfl", "--metrics", "no/such/folder/bfl.prom")
    expect("warning: metrics cannot be written" in done.stderr, done.stderr)


def lineage_is_told(place):
    fresh(place)
    with Server() as server:
        place.call("run", "mark.bfl", "--lineage", "lineage.jsonl")
        place.call("undo", "mark.bfl", "--lineage", server.url)
    begun, ended = (json.loads(line) for line in (place.folder / "lineage.jsonl").read_text().splitlines())
    expect(begun["eventType"] == "START" and ended["eventType"] == "COMPLETE" and begun["run"]["runId"] == ended["run"]["runId"], begun)
    expect(str(uuid.UUID(ended["run"]["runId"])) == ended["run"]["runId"] and ended["job"]["name"] == "mark", ended)
    expect([output["outputFacets"]["outputStatistics"]["rowCount"] for output in ended["outputs"]] == [500], ended["outputs"])
    expect(any(each["name"].endswith(".orders") and "note" in [field["name"] for field in each["facets"]["schema"]["fields"]] for each in ended["inputs"]), ended["inputs"])
    expect([event["eventType"] for event in server.events()] == ["START", "COMPLETE"], server.events())
    for name in ("eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"):
        expect(ended[name], f"no {name}")


if __name__ == "__main__":
    main([a_file_is_kept, a_port_is_served_while_the_run_lasts, what_cannot_be_opened_is_said, lineage_is_told])
