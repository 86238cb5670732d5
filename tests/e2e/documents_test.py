#!/usr/bin/env python3
"""JSON documents in lists: their keys stay in the order in which they were written."""
from both_engines import call, on_both
from harness import expect, main

# PHP's arrays are ordered: what was first in a sidebar is to stay first.
SIDEBARS = """
job sidebars { why "A sidebar was renamed." }
source shop = SOURCE
let bars = shop.options
  derive { doc = try_php_serialized(value) }
  expand bar at i in json_keys(doc)
  keep { id, i, bar = replace(bar, "old-", ""), widgets = json_get(doc, bar) }
let docs = bars group by id { doc = json_object(list(bar order by i), list(widgets order by i)) }
update renamed of shop.options join one docs as d on d.id == id else skip "no document" {
  set value = to_php_serialized(d.doc)
}
"""
WIDGETS = 'a:2:{s:1:"z";i:1;s:1:"a";a:2:{s:1:"y";i:2;s:1:"b";i:3;}}'


def keys_stay_as_they_were_written(place, shop):
    shop.sql("CREATE TABLE options (id INTEGER PRIMARY KEY, value TEXT NOT NULL)")
    shop.sql(f"""INSERT INTO options VALUES (1, 'a:2:{{s:8:"old-side";{WIDGETS}s:3:"end";a:0:{{}}}}')""")
    place.write("job.bfl", SIDEBARS.replace("SOURCE", shop.source))
    call(place, "run", "job.bfl")
    found = shop.value("SELECT value FROM options")
    expect(found == f'a:2:{{s:4:"side";{WIDGETS}s:3:"end";a:0:{{}}}}', found)


# Lists of documents that are equal are one group, however their keys were written.
def equal_lists_are_one_group(place, shop):
    shop.sql("CREATE TABLE docs (id INTEGER PRIMARY KEY, doc TEXT NOT NULL, n INTEGER)")
    shop.sql("""INSERT INTO docs VALUES (1, '{"b": 1, "a": 2}', 0), (2, '{"a": 2, "b": 1.0}', 0), (3, '{"a": 3}', 0)""")
    place.write("job.bfl", f"""
job groups {{ why "How many there are of each." }}
source shop = {shop.source}
let lists = shop.docs group by id {{ all = list(json_parse(doc) order by id) }}
let sizes = lists group by all {{ n = count(), first = min(id) }}
update counted of shop.docs join one sizes as s on s.first == id else skip "another" {{ set n = s.n }}
""")
    call(place, "run", "job.bfl")
    expect([shop.number(f"SELECT n FROM docs WHERE id = {id}") for id in (1, 2, 3)] == [2, 0, 1], "the groups")


if __name__ == "__main__":
    main([*on_both(keys_stay_as_they_were_written), *on_both(equal_lists_are_one_group)])
