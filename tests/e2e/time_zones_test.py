#!/usr/bin/env python3
"""The rules of the time zones that a step names belong to what it means: under other rules it is another step."""
import json

from harness import expect, main

JOB = """
job local_times {{ why "The note says what the clocks at the shop showed." }}
source shop = sqlite("shop.db")
use std.time
update note_it of shop.orders {{ set note = f"{{{value}}}" }}
"""
LOCAL = 'wall_time(created_at, "Europe/Berlin")'


def key_of(place, value):
    place.write("job.bfl", JOB.format(value=value))
    return json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"][0]["key_components"]


def each_zone_has_its_rules(place):
    place.shop(20)
    berlin, kolkata = key_of(place, LOCAL), key_of(place, LOCAL.replace("Europe/Berlin", "Asia/Kolkata"))
    expect("time zones" not in key_of(place, "created_at"), "a step without a zone hangs on the rules of zones")
    expect(berlin["time zones"] != kolkata["time zones"], "two zones have one digest")
    expect(key_of(place, LOCAL.replace("wall_time", "date_in_zone"))["time zones"] == berlin["time zones"], "the digest is not of the zone alone")
    every = key_of(place, 'wall_time(created_at, case { id > 3 => "UTC", else => "Europe/Berlin" })')
    expect(every["time zones"] not in (berlin["time zones"], kolkata["time zones"]), "a computed name hangs on every zone")
    expect(key_of(place, LOCAL)["time zones"] == berlin["time zones"], "the digest is not the same twice")


def new_rules_are_seen(place):
    place.shop(20)
    digest = key_of(place, LOCAL)["time zones"]
    place.call("run", "job.bfl")
    expect("nothing to do" in place.call("run", "job.bfl").stdout, "the second run did something")
    expect(json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"][0]["decision"] == "reuse", "a finished step is not known")
    # As if it had been run before Berlin changed its clocks.
    changed = "0" * len(digest)
    place.sql(f"UPDATE bfl_step SET components = replace(components, '{digest}', '{changed}'), memo_key = '{changed}' WHERE name <> ''")
    step = json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"][0]
    expect(step["decision"] == "run" and step["changed_components"] == ["time zones"], f"{step}")
    expect("`time zones`" in place.call("plan", "job.bfl").stdout, "the plan does not say why")


if __name__ == "__main__":
    main([each_zone_has_its_rules, new_rules_are_seen])
