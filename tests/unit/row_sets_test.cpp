// Relations that make other rows of rows: groups, distinct, union, expand, follow, and the joins and sets over all of them.
#include <map>
#include <random>

#include "tests/unit/asked.h"

using namespace bfl;

namespace {

const char* const schema = R"(
  CREATE TABLE t(id INTEGER PRIMARY KEY, parent_id INTEGER, grp TEXT, n INTEGER, price NUMERIC(10,2), tags TEXT, doc JSON);
  INSERT INTO t VALUES (1, NULL, 'a', 3, 1.10, '["x","y"]', '{"k":[1,2.50]}'), (2, 1, 'a', 5, 2.20, '[]', '{"k": [1, 2.5]}'),
    (3, 2, 'b', 5, 0.1, NULL, NULL), (4, 2, 'b', 1, NULL, '[ "y" ]', '{}'), (5, 3, 'A', NULL, 3.3, '["z", "x"]', '{}');
  CREATE TABLE ring(name TEXT PRIMARY KEY NOT NULL, next TEXT);
  INSERT INTO ring VALUES ('a', 'b'), ('b', 'c'), ('c', 'a'), ('in', 'b'), ('self', 'self'), ('p', 'q'), ('q', NULL);
  CREATE TABLE u(code TEXT COLLATE NOCASE, amount REAL, at DATETIME);
  INSERT INTO u VALUES ('a', 0.5, '2025-03-01 10:00:00'), ('A', 0.5, '2025-03-01 10:00:00'), ('a', 0.5, '2025-03-01 10:00:00'), (NULL, NULL, NULL), (NULL, NULL, NULL);
  CREATE TABLE pairs(a INTEGER NOT NULL, b TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID;
  INSERT INTO pairs VALUES (1, 'a'), (5, 'b'), (9, 'z');)";

struct Db : test::Asked {
  Db() : Asked(schema, "column t.tags: [text]") {}
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("list gives the values of a group or relation in an order") {
  Db db;
  CHECK(db.ask("let g = db.t group by grp { ids = list(id where n != null order by n desc, id desc) }", "first(ids from g where grp == \"a\" order by grp)") == "[2, 1]");
  CHECK(db.ask("let g = db.t group by grp { ids = list(id where n > 100 order by id) }", "first(ids from g order by grp)") == "[]");
  CHECK(db.ask("", "list(price from db.t order by id)") == "[1.1, 2.2, 0.1, null, 3.3]");
  CHECK(db.ask("", "list(id from db.t order by n desc, id limit 3)") == "[2, 3, 1]");
  CHECK(db.ask("", "list(at from db.u where at != null order by at)") == "[2025-03-01T10:00:00Z, 2025-03-01T10:00:00Z, 2025-03-01T10:00:00Z]");
  CHECK(db.ask("", "list(amount from db.u order by code desc)") == R"([to_float("0.5"), to_float("0.5"), to_float("0.5"), null, null])");
  CHECK(has(db.ask("", "list(id from db.t)"), "`list` of what order?"));
}

TEST_CASE("a group without keys is all rows, also when there are none") {
  Db db;
  CHECK(db.ask("let g = db.t group { n = count(), most = max(n) }", "list(f\"{n} {most ?? 0}\" from g order by n)") == R"(["5 5"])");
  CHECK(db.ask("let g = db.t where id > 99 group { n = count() most = max(n) }", "list(f\"{n} {most ?? 0}\" from g order by n)") == R"(["0 0"])");
  CHECK(db.ask("let g = db.t group { one = 1 }", "count(g)") == "1");
  CHECK(db.ask("let g = db.t group { one = 1 }", "sum(one from g)") == "1");
  CHECK(db.ask("let g = db.t group { most = max(n) }", "list(id from db.t join one g as g on true where n == g.most order by id)") == "[2, 3]");
}

TEST_CASE("distinct is by the language's equality") {
  Db db;
  CHECK(db.ask("", "count(db.u distinct)") == "3");
  CHECK(db.ask("", "list(code from (db.u keep { code } distinct) order by code)") == R"(["A", "a", null])");
  CHECK(db.ask("", "count(db.t keep { doc } distinct)") == "3");
  CHECK(db.ask("", "count(db.t keep { tags } distinct)") == "5");
  CHECK(db.ask("", "list(n from (db.t keep { n } distinct) order by n)") == "[1, 3, 5, null]");
  CHECK(db.ask("let d = db.t keep { grp } distinct derive { of = row_number() over (order by grp) }", "list(of from d order by of)") == "[1, 2, 3]");
  CHECK(db.ask("let d = db.t order by id limit 2 keep { grp } distinct", "count(d)") == "1");
}

TEST_CASE("union takes the rows of both by the names of the columns") {
  Db db;
  CHECK(db.ask("let x = db.t keep { k = id, v = grp } union (db.pairs keep { v = b, k = a })", "list(f\"{k}{v}\" from x order by k, v)") ==
        R"(["1a", "1a", "2a", "3b", "4b", "5A", "5b", "9z"])");
  CHECK(db.ask("let x = db.t keep { k = price } union (db.pairs keep { k = a })", "sum(k from x)") == "21.7");
  CHECK(db.ask("let x = db.t keep { k = id } union (db.pairs keep { k = a }) distinct", "list(k from x order by k)") == "[1, 2, 3, 4, 5, 9]");
  CHECK(db.ask("let x = (db.t keep { id } order by id limit 1) union (db.t keep { id } order by id desc limit 1)", "list(id from x order by id)") == "[1, 5]");
  CHECK(db.ask("let x = db.u union db.u union db.u where code == \"a\"", "count(x)") == "6");
  CHECK(db.ask("let x = db.t keep { id } union (db.t group by id = n ?? 0 { m = 1 } keep { id })", "list(id from x order by id)") == "[0, 1, 1, 2, 3, 3, 4, 5, 5]");
  CHECK(db.ask("let x = db.t keep { id } union (db.pairs keep { id = a })", "list(id from db.t where id in (id from x where id > 4) order by id)") == "[5]");
  CHECK(has(db.ask("let x = db.t union db.pairs", "count(x)"), "`a` is a column of the second relation of this `union` only"));
  CHECK(has(db.ask("let x = db.t keep { k = id } union (db.t keep { k = grp })", "count(x)"), "`k` is an int in the first relation of this `union` and a text in the second"));
}

TEST_CASE("a column of a union is computed when it is read, and not else") {
  Db db;
  std::string columns;
  for (int i = 0; i < 12; ++i) columns += ", c" + std::to_string(i) + " = " + (i == 11 ? "1 / (k - 3)" : std::to_string(i));
  const std::string x = "let x = db.t derive { k = id } keep { k" + columns + " } union (db.pairs derive { k = a } keep { k" + columns + " })\n";
  CHECK(db.ask(x, "count(x where k > 4)") == "3");
  CHECK(db.ask(x, "sum(c1 from x)") == "8");
  CHECK(has(db.ask(x, "sum(c11 from x)"), "division by zero"));
  CHECK(db.ask(x + "let y = x union (x where k < 3)\n", "sum(k from y)") == "34");
  CHECK(db.ask("let x = db.t keep { k = id, w = grp } union (db.t where id != 3 keep { k = id, w = f\"{1 / (id - 3)}\" }) distinct", "count(x)") == "9");
}

TEST_CASE("expand makes a row of each element") {
  Db db;
  CHECK(db.ask("let e = db.t expand tag at i in tags", "list(f\"{id}{i}{tag}\" from e order by id, i)") == R"(["11x", "12y", "41y", "51z", "52x"])");
  CHECK(db.ask("let e = db.t where id < 3 expand v in [id, id * 10]", "list(v from e order by v)") == "[1, 2, 10, 20]");
  CHECK(db.ask("let e = db.t where id <= 2 expand v in [0.30, price]", "sum(v from e)") == "3.9");
  CHECK(db.ask("let e = db.t where doc != null and id <= 2 expand v in json_array_text(json_get(doc, \"k\"))", "list(v from e order by id, v)") ==
        R"(["1", "2.50", "1", "2.5"])");
  CHECK(db.ask("let e = db.t where n != null expand v in split(repeat(\"ab\", n), \"b\")", "count(e)") == "18");
  CHECK(db.ask("let e = db.t expand tag in tags group by tag { n = count() ids = list(id order by id) }", "list(f\"{tag}{n}\" from e order by tag)") == R"(["x2", "y2", "z1"])");
  CHECK(db.ask("let e = db.t as o", "list(id from e where exists(db.t expand w in o.tags where id == o.id and w == \"z\") order by id)") == "[5]");
  // An array of a row that was left out before is not computed.
  CHECK(db.ask("let e = db.t where id != 3 expand v in [to_int(case { id == 3 => \"x\", else => \"1\" })]", "count(e)") == "4");
  CHECK(has(db.ask("let e = db.t expand v in grp", "count(e)"), "`expand` takes an array, found a text"));
  CHECK(has(db.ask("let e = db.t expand n in [1]", "count(e)"), "`n` is a column already"));
}

TEST_CASE("arrays of other elements than texts are looked into as well") {
  Db db;
  const std::string ids = "let g = db.t group by grp { ids = list(id order by id), prices = list(price order by id) }\n";
  CHECK(db.ask(ids, "list(grp from g where 2 in ids order by grp)") == R"(["a"])");
  CHECK(db.ask(ids, "list(grp from g where 2 not in ids order by grp)") == R"(["A", "b"])");
  CHECK(db.ask(ids, "list(item(ids, 2) from g order by grp)") == "[null, 2, 4]");
  CHECK(db.ask(ids, "list(count_items(prices) from g where 3.30 in prices or 2.20 in prices order by grp)") == "[1, 2]");
}

TEST_CASE("follow each comes to every row once, by the shortest way, whatever the loops") {
  Db db;
  const std::string ring = "let x = db.ring where name == \"a\" follow each db.ring as r on r.name == prev.next ";
  CHECK(db.ask(ring, "list(f\"{r.name}{depth(r)}\" from x order by depth(r))") == R"(["a0", "b1", "c2"])");
  CHECK(db.ask("let x = db.ring follow each db.ring as r on r.name == prev.next", "count(x)") == "17");
  // Everybody knows everybody: each of five is reached from each, not by each of the ways.
  CHECK(db.ask("let x = db.t follow each db.t as o on o.id != prev.id", "list(f\"{id}{o.id}{depth(o)}\" from x where id == 3 order by o.id)") == R"(["311", "321", "330", "341", "351"])");
  CHECK(db.ask("let x = db.t follow each db.t as o on o.id != prev.id", "count(x)") == "25");
  CHECK(db.ask("let x = db.t where id == 1 follow each db.t as d on d.parent_id == prev.id", "list(d.id from x order by d.id)") == "[1, 2, 3, 4, 5]");
  // From rows of another kind: none of them is a row of the way.
  CHECK(db.ask("let x = db.pairs where a == 5 derive { id = a, parent_id = a - 2 } follow each db.t as up on up.id == prev.parent_id", "list(depth(up) from x order by depth(up))") == "[0, 1, 2, 3]");
  CHECK(has(db.ask("let x = db.t follow each db.t as d on d.parent_id == prev.id on loop stop", "count(x)"), "a loop is nothing to it"));
  CHECK(has(db.ask("let x = db.t follow each db.t as d on d.parent_id == prev.id where is_last(d)", "count(x)"), "`follow each` has no last rows"));
}

TEST_CASE("cluster brings rows together that share a value, directly or through others") {
  Db db;
  CHECK(db.ask("let c = db.t cluster g by n", "list(f\"{id}:{g}\" from c order by id)") == R"(["1:1", "2:2", "3:2", "4:3", "5:4"])");
  CHECK(db.ask("let c = db.t cluster g by n, lower(grp)", "list(g from c order by id)") == "[1, 1, 1, 1, 1]");
  CHECK(db.ask("let c = db.t where id > 2 cluster g by grp, tags", "list(g from c order by id)") == "[1, 1, 2]");  // null shares nothing
  CHECK(db.ask("let c = db.t cluster g by tags", "list(g from c order by id)") == "[1, 2, 3, 1, 1]");
  CHECK(db.ask("let c = db.t where parent_id != null cluster g by [id, parent_id]", "max(g from c)") == "1");
  CHECK(db.ask("let c = db.t cluster g by id, parent_id", "max(g from c)") == "4");  // each expression has values of its own
  CHECK(db.ask("let c = db.u cluster g by amount", "max(g from c)") == "3");
  CHECK(db.ask("let c = db.t cluster g by n derive { kept = first(id) over (partition by g order by id desc) }", "list(kept from c order by id)") == "[1, 3, 3, 4, 5]");
  CHECK(db.ask("let c = db.t cluster g by n group by g { ids = list(id order by id) }", "list(count_items(ids) from c order by g)") == "[1, 2, 1, 1]");
  CHECK(db.ask("let c = db.t where id > 9 cluster g by n", "count(c)") == "0");
  CHECK(has(db.ask("let c = db.t cluster n by grp", "count(c)"), "`n` is a column already"));
}

TEST_CASE("follow has a row for each start and each row on the way") {
  Db db;
  const std::string up = "let x = db.t follow one db.t as up on up.id == prev.parent_id\n";
  CHECK(db.ask(up, "list(f\"{id}:{depth(up)}:{up.id}\" from x order by id, depth(up))") ==
        R"(["1:0:1", "2:0:2", "2:1:1", "3:0:3", "3:1:2", "3:2:1", "4:0:4", "4:1:2", "4:2:1", "5:0:5", "5:1:3", "5:2:2", "5:3:1"])");
  CHECK(db.ask(up + "let last = x where is_last(up)", "list(up.id from last order by id)") == "[1, 1, 1, 1, 1]");
  CHECK(db.ask(up + "let ways = x group by id { ids = list(up.id order by depth(up) desc) }", "first(ids from ways where id == 5 order by id)") == "[1, 2, 3, 5]");
  CHECK(db.ask("let x = db.t where id == 5 follow one db.t as up on up.id == prev.parent_id and up.grp == \"b\"", "list(up.id from x order by depth(up))") == "[5, 3]");
  CHECK(db.ask("let x = db.t where parent_id == null follow many db.t as d on d.parent_id == prev.id", "list(f\"{d.id}:{depth(d)}\" from x order by d.id)") ==
        R"(["1:0", "2:1", "3:2", "4:2", "5:3"])");
  CHECK(db.ask("let x = db.t where parent_id == null follow many db.t as d on d.parent_id == prev.id where is_last(d)", "list(d.id from x order by d.id)") == "[4, 5]");
  CHECK(has(db.ask("let x = db.t where parent_id == null follow one db.t as d on d.parent_id == prev.id", "count(x)"), "follow one d found several rows behind id = 2"));
}

TEST_CASE("a loop is an error, leaves the start out, or ends the way") {
  Db db;
  const std::string ring = "let x = db.ring follow one db.ring as r on r.name == prev.next ";
  CHECK(has(db.ask(ring, "count(x)"), "error: follow one r comes back to a row that it has passed, behind next = "));
  CHECK(db.ask(ring + "on loop skip", "list(f\"{name}{r.name}\" from x order by name, depth(r))") == R"(["pp", "pq", "qq"])");
  CHECK(db.ask(ring + "on loop skip where is_last(r)", "list(r.name from x order by name)") == R"(["q", "q"])");
  CHECK(db.ask(ring + "on loop stop", "list(f\"{name}-{r.name}\" from x order by name, depth(r))") ==
        R"(["a-a", "a-b", "a-c", "b-b", "b-c", "b-a", "c-c", "c-a", "c-b", "in-in", "in-b", "in-c", "in-a", "p-p", "p-q", "q-q", "self-self"])");
  CHECK(db.ask(ring + "on loop stop where is_last(r)", "list(r.name from x order by name)") == R"(["c", "a", "b", "a", "q", "q", "self"])");
  // Rows of another kind than the start: they are told apart by their own key.
  CHECK(db.ask("let x = db.t keep { next = case { id == 1 => \"p\", else => \"a\" }, id } follow one db.ring as r on r.name == prev.next on loop skip",
               "list(f\"{id}{r.name ?? \"\"}\" from x order by id, depth(r))") == R"(["1", "1p", "1q"])");
}

TEST_CASE("a way of more than 10,000 rows is an error") {
  Db db;
  db.run("CREATE TABLE long(id INTEGER PRIMARY KEY); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10002) INSERT INTO long SELECT i FROM n;");
  CHECK(has(db.ask("let x = db.long where id == 1 follow one db.long as l on l.id == prev.id + 1", "count(x)"), "follow one l goes on for more than 10000 rows, behind id = 10001"));
  CHECK(db.ask("let x = db.long where id == 2 follow one db.long as l on l.id == prev.id + 1 where is_last(l)", "max(depth(l) from x)") == "10000");
}

TEST_CASE("ways through random graphs are those that a walk by hand finds") {
  std::mt19937 random(11);
  for (int round = 0; round < 12; ++round) {
    const int nodes = 4 + static_cast<int>(random() % 12);
    std::map<int, int> next;
    std::string sql = "CREATE TABLE g(id INTEGER PRIMARY KEY, next INTEGER); INSERT INTO g VALUES (0, NULL)";
    for (int id = 1; id < nodes; ++id) {
      const int to = static_cast<int>(random() % static_cast<unsigned>(nodes + 2)) - 1;  // -1 leads nowhere, nodes does not exist
      if (to >= 0) next[id] = to;
      sql += ", (" + std::to_string(id) + ", " + (to < 0 ? "NULL" : std::to_string(to)) + ")";
    }
    const test::Asked db(sql);
    std::string stopped = "[", kept = "[", ends = "[";
    for (int id = 0; id < nodes; ++id) {
      std::vector<int> way{id};
      bool loop = false;
      while (next.contains(way.back()) && next[way.back()] < nodes) {
        const int to = next[way.back()];
        loop = std::find(way.begin(), way.end(), to) != way.end();
        if (loop) break;
        way.push_back(to);
      }
      for (std::size_t far = 0; far < way.size(); ++far) {
        const std::string row = "\"" + std::to_string(id) + ":" + std::to_string(far) + ":" + std::to_string(way[far]) + "\"";
        stopped += (stopped.size() > 1 ? ", " : "") + row;
        if (!loop) kept += (kept.size() > 1 ? ", " : "") + row;
      }
      ends += (ends.size() > 1 ? ", " : "") + std::to_string(way.back());
    }
    const std::string follow = "let x = db.g follow one db.g as h on h.id == prev.next on loop ";
    const std::string rows = "list(f\"{id}:{depth(h)}:{h.id}\" from x order by id, depth(h))";
    CHECK(db.ask(follow + "stop", rows) == stopped + "]");
    CHECK(db.ask(follow + "skip", rows) == kept + "]");
    CHECK(db.ask(follow + "stop where is_last(h)", "list(h.id from x order by id)") == ends + "]");
    // The other way round, as a tree: what leads to a node, without the nodes on loops.
    const std::string down = "let x = db.g follow many db.g as d on d.next == prev.id on loop stop ";
    std::string above = "[";
    for (int id = 0; id < nodes; ++id) {
      std::map<int, int> reached{{id, 0}};
      for (int depth = 0; depth < nodes; ++depth)
        for (const auto& [from, to] : next)
          if (reached.contains(to) && reached[to] == depth && !reached.contains(from)) reached[from] = depth + 1;
      for (const auto& [node, depth] : reached)
        above += std::string(above.size() > 1 ? ", " : "") + "\"" + std::to_string(id) + ":" + std::to_string(node) + ":" + std::to_string(depth) + "\"";
    }
    CHECK(db.ask(down, "list(f\"{id}:{d.id}:{depth(d)}\" from x order by id, d.id)") == above + "]");
  }
}

TEST_CASE("windows over windows, as deep as a script has them") {
  Db db;
  std::string script = "let r = db.t derive { v0 = id";
  for (int i = 1; i <= 12; ++i) script += " v" + std::to_string(i) + " = sum(v" + std::to_string(i - 1) + ") over (partition by grp order by id running)";
  CHECK(db.ask(script + " }", "list(v1 from r order by id)") == "[1, 3, 3, 7, 5]");
  CHECK(db.ask(script + " }", "list(v12 from r order by id)") == "[1, 14, 3, 40, 5]");
}

TEST_CASE("relations that look at an enclosing row") {
  Db db;
  CHECK(db.ask("", "list(count(db.t where parent_id == o.id union (db.t where id == o.id)) from db.t as o order by id)") == "[2, 3, 2, 1, 1]");
  CHECK(db.ask("", "list(max(depth(h) from db.t where id == o.id follow one db.t as h on h.id == prev.parent_id) from db.t as o order by id)") ==
        "[0, 1, 2, 2, 3]");
  CHECK(db.ask("", "list(count(db.t where grp == o.grp derive { r = row_number() over (order by id) } where r > 1) from db.t as o order by id)") ==
        "[1, 1, 1, 1, 0]");
  CHECK(db.ask("let x = db.t where id == 5 follow one db.t as h on h.id == prev.parent_id follow one db.t as k on k.id == prev.parent_id where is_last(k) and is_last(h)",
               "list(k.id from x order by id)") == "[1]");
}

TEST_CASE("sets, joins and subqueries over such relations") {
  Db db;
  const std::string ranked = "let r = db.t window g (partition by grp order by n desc) derive { rank = row_number() over g }\n";
  CHECK(db.ask(ranked, "list(id from db.t where id in (id from r where rank == 1) order by id)") == "[2, 3, 5]");
  CHECK(db.ask(ranked, "list(id from db.t where (id, grp) not in ((id, grp) from r where rank == 1) order by id)") == "[1, 4]");
  CHECK(db.ask(ranked, "list(f\"{id}{r.rank}\" from db.t join one r as r on r.id == id order by id)") == R"(["12", "21", "31", "42", "51"])");
  CHECK(db.ask(ranked, "list(id from db.t join one (r where rank == 2) as r on r.id == id else skip order by id)") == "[1, 4]");
  CHECK(db.ask(ranked, "list(r.rank from db.t join optional (r where rank == 2) as r on r.id == id order by id)") == "[2, null, null, 2, null]");
  CHECK(db.ask("let e = db.t expand tag in tags keep { of = id, tag }", "list(f\"{id}{e.tag}\" from db.t join many e as e on e.of == id order by id, e.tag)") ==
        R"(["1x", "1y", "4y", "5x", "5z"])");
  CHECK(db.ask("let x = db.t keep { k = id } union (db.pairs keep { k = a })", "list(f\"{id}{c.n}\" from db.t join one (x group by k { n = count() }) as c on c.k == id order by id)") ==
        R"(["12", "21", "31", "41", "52"])");
  CHECK(db.ask("let x = db.t follow one db.t as up on up.id == prev.parent_id where is_last(up)", "list(f\"{id}{x.top}\" from db.t join one (x derive { top = up.id }) as x on x.id == id order by id)") ==
        R"(["11", "21", "31", "41", "51"])");
  CHECK(db.ask("", "list(id from db.t as o where count(db.t where parent_id == o.id and exists(db.t as i where i.parent_id == o.id and i.n == o.n)) == 2 order by id)") == "[2]");
  CHECK(db.ask("let g = db.t group by grp { best = first(id where n != null order by n desc), n = count(where price > 1.0) } derive { odd = n == 1 } where odd", "list(best from g order by grp)") ==
        "[null]");
}
