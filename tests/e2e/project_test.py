#!/usr/bin/env python3
"""What a project has decided: bfl.toml."""
import json
import os

from harness import expect, main

def the_nearest_project_counts(place):
    place.shop()
    jobs = place.folder / "a" / "b"
    jobs.mkdir(parents=True)
    (jobs / "j.bfl").write_text('job j { why "w" owner "o" }\nsource shop = sqlite("../../shop.db")\nupdate u of shop.orders where note == null { set note = "x" }\nverify v { assert not exists(shop.orders where note == null) }\n')
    expect("missing-test" in place.call("lint", "a/b/j.bfl", "--json").stdout, "a note is no failure")
    place.write("bfl.toml", '[lint]\nmissing-test = "error"\n')
    expect("error[L306]" in place.call("lint", "a/b/j.bfl", code=1).stdout, "two folders above")
    sarif = json.loads(place.call("lint", "a/b/j.bfl", "--format", "sarif", code=1).stdout)["runs"][0]
    expect("error" in {r["level"] for r in sarif["results"] if r["ruleId"] == "L306"}, "the level in SARIF")
    expect("::error file=a/b/j.bfl" in place.call("lint", "a/b/j.bfl", "--format", "github", code=1).stdout, "the level of the annotation")
    (place.folder / "a" / "bfl.toml").write_text('[lint]\nmissing-test = { level = "off", reason = "shown elsewhere" }\n')
    done = place.call("lint", "a/b/j.bfl").stdout
    expect("L306 missing-test is off in this project: shown elsewhere" in done and "note[L306]" not in done, done)
    # What lies around a repository is not the project's.
    os.remove(place.folder / "a" / "bfl.toml")
    (place.folder / "a" / ".git").mkdir()
    expect("note[L306]" in place.call("lint", "a/b/j.bfl").stdout, "beyond the repository")


if __name__ == "__main__":
    main([the_nearest_project_counts])
