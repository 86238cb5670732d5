// How runs end: the last pass, proofs, stops, edits, restored targets, limits of size; and what a preview shows.
#include "tests/unit/faulty_connector.h"
#include "interpreter/run/preview.h"
#include "tests/unit/job_fixture.h"

#include <map>
#include <memory>

using namespace bfl;
using namespace bfl::test;
using connect::RawValue;
using run::EventKind;

TEST_CASE("rows that arrive behind the walk are changed by the pass that ends it") {
  Job job(rows_of_t(50));
  job.also = [&](const run::Event& event) {
    if (event.kind == EventKind::chunk_committed && event.chunk == 4) job.run("UPDATE t SET n = 77 WHERE id = 3; INSERT INTO t VALUES(500, 5, 'late'), (-5, 5, 'early')");
  };
  const Ran ran = job.run_job("update zero of db.t { set n = 0 chunk 10 }\n");
  CHECK_MESSAGE(ran.exit_code == 0, ran.said);
  CHECK(ran.outcome.changed == 53);
  CHECK(job.ask("SELECT count(*), sum(n) FROM t") == "52 0");
  CHECK(job.ledger_problem() == "");
}

TEST_CASE("rows that others write as fast as they are corrected end the step after a few walks, not never") {
  Job job(rows_of_t(20));
  job.also = [&](const run::Event& event) {
    if (event.kind == EventKind::chunk_committed) job.run("UPDATE t SET n = 77 WHERE id = 1");
  };
  const Ran ran = job.run_job("update zero of db.t { set n = 0 chunk 10 }\n");
  CHECK(ran.exit_code == 75);
  CHECK(ran.says("rows still match after 4 walks"));
}

TEST_CASE("a guarded step proves itself before anything is written") {
  Job job(rows_of_t(20));
  const Ran ran = job.run_job("update up of db.t where n < 1000 { set n = n + 1 }\n");
  CHECK(ran.exit_code == 2);
  CHECK(ran.says("BFL0404"));
  CHECK(ran.says("the row with key 1 again: `n` from 4 to 5"));
  CHECK(ran.says("nothing was changed"));
  CHECK(job.ask("SELECT count(*) FROM bfl_step WHERE name <> ''") == "0");
  CHECK(job.run_job("update up of db.t where n < 1000 { set n = n + 1000 }\n").exit_code == 0);
  CHECK(job.ask("SELECT min(n) FROM t") == "1003");
}

TEST_CASE("a guarded step that reads other rows proves itself on a copy of its own") {
  const std::string joins = "join optional db.other as o on o.id == id\nwhere o.up != null\n", picks = "where id in (id from db.other where up > 0)\n";
  const auto scene = [] { return std::make_unique<Job>(rows_of_t(20) + "; CREATE TABLE other(id INTEGER PRIMARY KEY, up INTEGER); INSERT INTO other SELECT id, 1000 FROM t WHERE id <= 15"); };
  for (const std::string* chosen : {&joins, &picks})
    for (const char* route : {"", "chunk 4", "expect changed == 15", "atomic"}) {
      const std::string& rows = *chosen;
      CAPTURE(rows);
      CAPTURE(route);
      const auto job = scene();
      const std::string before = job->ask("SELECT group_concat(n) FROM t");
      const Ran refused = job->run_job("update up of db.t where n < 1000 " + rows + "{ set n = n + 1 " + std::string(route) + " }\n");
      CHECK(refused.exit_code == 2);
      CHECK(refused.says("BFL0404"));
      CHECK_MESSAGE(refused.says("the row with key 1 again: `n` from 4 to 5"), refused.said);
      CHECK(refused.says("nothing was changed"));
      CHECK(job->ask("SELECT count(*) FROM bfl_step WHERE name <> ''") == "0");
      CHECK(job->ask("SELECT group_concat(n) FROM t") == before);
      const std::string script = "update up of db.t where n < 1000 " + rows + "{ set n = n + 1000 " + std::string(route) + " }\n";
      const Ran ran = job->run_job(script);
      CHECK_MESSAGE(ran.exit_code == 0, ran.said);
      CHECK(job->ask("SELECT sum(n = id * 3 + 1000), sum(n = id * 3) FROM t") == "15 5");
      CHECK(job->run_job(script).exit_code == 0);
      CHECK(job->ask("SELECT sum(n = id * 3 + 1000), sum(n = id * 3) FROM t") == "15 5");
      CHECK(job->ledger_problem() == "");
    }
}

TEST_CASE("the copy of a proof keeps what the database makes of a value, and rows without a key") {
  Job job("CREATE TABLE t(name TEXT COLLATE NOCASE, n INTEGER, d NUMERIC(10,2)); CREATE TABLE other(name TEXT); INSERT INTO other VALUES('a'), ('B');"
          "INSERT INTO t VALUES('A', 1, 1.50), ('b', 2, 2.25), ('a', 3, 3)");
  const Ran refused = job.run_job("update up of db.t where n < 100 where exists(db.other as o where o.name == \"B\") { set n = n + 1 atomic }\n");
  CHECK(refused.says("again: `n` from 2 to 3"));
  const Ran ran = job.run_job("update up of db.t where name in (name from db.other) where d < 100 { set d = d + 100 atomic }\n");
  CHECK_MESSAGE(ran.exit_code == 0, ran.said);
  CHECK(job.ask("SELECT group_concat(d, ' ') FROM t ORDER BY rowid") == "1.5 2.25 103");
}

TEST_CASE("an atomic step is one transaction, however many entries it has") {
  std::string sql = rows_of_t(30);
  Job job(sql.replace(sql.find("s TEXT)"), 6, "s TEXT, CHECK (n > 3 OR s <> 'row 25')"));
  const std::string script = "update zero of db.t { set n = 0 atomic chunk 10 }\n";
  const Ran ran = job.run_job(script);
  CHECK(ran.exit_code == 1);
  CHECK(ran.says("nothing was changed"));
  CHECK(job.ask("SELECT sum(n) FROM t") == "1395");
  job.run("UPDATE t SET s = 'mended' WHERE id = 25");
  std::string meanwhile;
  job.also = [&](const run::Event& event) {
    if (event.kind == EventKind::chunk_committed && event.chunk == 1) meanwhile = job.ask("SELECT count(*) FROM t WHERE n = 0");
  };
  CHECK(job.run_job(script).exit_code == 0);
  CHECK(meanwhile == "30");
  CHECK(job.ask("SELECT sum(n) FROM t") == "0");
  CHECK(job.ledger_problem() == "");
  Job once(rows_of_t(30));
  CHECK(once.run_job("update bump of db.t { set n = n + 1 once atomic }\n").exit_code == 0);
  CHECK(once.ask("SELECT count(*) FROM t WHERE n = id * 3 + 1") == "30");
}

TEST_CASE("asked to stop, a run finishes its chunk; asked twice, it rolls it back") {
  Job job(rows_of_t(50));
  const std::string script = "update bump of db.t { set n = n + 1 once chunk 10 }\n";
  job.also = [&](const run::Event& event) {
    if (event.kind == EventKind::chunk_committed && event.chunk == 2) job.stop.signal = 2, job.stop.level = 1;
  };
  const Ran ran = job.run_job(script);
  CHECK(ran.exit_code == 130);
  CHECK(ran.outcome.changed == 20);
  CHECK(ran.kinds("bump") == "step_started step_staged chunk_committed chunk_committed draining");
  CHECK(job.ask("SELECT holder, lease_end FROM bfl_job") == " 0");
  job.stop.level = 2;
  job.stop.signal = 15;
  job.also = {};
  CHECK(job.run_job(script).exit_code == 143);
  job.stop.level = 0;
  CHECK(job.run_job(script).exit_code == 0);
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = id * 3 + 1") == "50");
}

TEST_CASE("an edited step that has changed rows stops the run before anything else is changed") {
  Job job(rows_of_t(30, "CREATE TABLE u(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO u VALUES(1, 1);"));
  job.options.limit_chunks = 1;
  REQUIRE(job.run_job("update zero of db.t { set n = 0 chunk 10 }\n").exit_code == 75);
  job.options.limit_chunks = -1;
  const std::string edited = "update other of db.u { set n = 5 }\nupdate zero of db.t { set n = -1 chunk 10 }\n";
  const Ran refused = job.run_job(edited);
  CHECK(refused.exit_code == 4);
  CHECK(refused.says("BFL0510"));
  CHECK(refused.says("--accept zero"));
  CHECK(job.ask("SELECT n FROM u") == "1");
  job.options.accept = {"zero"};
  const Ran accepted = job.run_job(edited);
  CHECK_MESSAGE(accepted.exit_code == 0, accepted.said);
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = -1") == "30");  // the walk goes on, the last pass mends what was before it
  CHECK(job.ledger_problem() == "");
}

TEST_CASE("a target that was restored to an older state is refused, and nothing is changed") {
  Job job(rows_of_t(50));
  const std::string script = "update bump of db.t { set n = n + 1 once chunk 10 }\n";
  const std::string copy = job.path + ".copy";
  const auto keep = [&] { std::filesystem::copy_file(job.path, copy, std::filesystem::copy_options::overwrite_existing); };
  const auto restore = [&] { std::filesystem::copy_file(copy, job.path, std::filesystem::copy_options::overwrite_existing); };
  job.planned(script);  // bfl's tables are there
  keep();
  job.options.limit_chunks = 1;
  REQUIRE(job.run_job(script).exit_code == 75);
  restore();
  CHECK(job.run_job(script).exit_code == 4);  // a generation is gone
  std::filesystem::remove_all(job.path + ".state");
  REQUIRE(job.run_job(script).exit_code == 75);
  keep();
  REQUIRE(job.run_job(script).exit_code == 75);
  restore();
  const Ran refused = job.run_job(script);
  CHECK(refused.exit_code == 4);
  CHECK(refused.says("BFL0511"));
  CHECK(refused.says("shows 1 chunks of `bump`, and 2 were seen"));
  std::filesystem::remove(copy);
}

TEST_CASE("large rows end up in small chunks, and no chunk's images go far beyond their limit") {
  std::string sql = "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, s TEXT); INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400)"
                    " SELECT i, 1, hex(randomblob(10000)) FROM c";
  Job job(sql);
  job.options.max_pack_bytes = 200'000;
  const Ran ran = job.run_job(zero);
  CHECK_MESSAGE(ran.exit_code == 0, ran.said);
  CHECK(job.ask("SELECT sum(n) FROM t") == "0");
  CHECK(job.ask("SELECT max(length(pack)) < 900000, count(*) > 20 FROM bfl_ledger") == "1 1");
  CHECK(job.ledger_problem() == "");
}

TEST_CASE("now() is frozen from the first start of a run to its end") {
  Job job("CREATE TABLE t(id INTEGER PRIMARY KEY, at TIMESTAMP); INSERT INTO t(id) VALUES(1), (2), (3), (4)");
  const std::string script = "update stamp of db.t { set at = now() chunk 2 }\n";
  job.options.limit_chunks = 1;
  REQUIRE(job.run_job(script).exit_code == 75);
  job.clock.time.micros += 3'600'000'000;
  job.options.limit_chunks = -1;
  REQUIRE(job.run_job(script).exit_code == 0);
  CHECK(job.ask("SELECT count(DISTINCT at) FROM t") == "1");
  CHECK(job.ask("SELECT clock FROM bfl_job") == "0");
}

TEST_CASE("a preview counts and shows rows, and changes nothing") {
  Job job(rows_of_t(100));
  auto all = job.planned("check some { assert count(db.t) > 0 }\nupdate up of db.t where n < 150 { set n = n + 1000 }\nupdate bump of db.t { set n = n * 2 once }\n");
  const std::string before = job.ask("SELECT sum(n), (SELECT count(*) FROM bfl_step) FROM t");
  Diagnostics found;
  const auto previews = run::preview(all->program, all->plan, all->targets, job.clock, found);
  REQUIRE(previews.size() == 3);
  CHECK(previews[0].would_change == -1);
  CHECK(previews[1].would_change == 49);
  CHECK(previews[1].sample.size() == 5);
  CHECK(previews[1].sample[0] == "id 1: n 3 -> 1003");
  CHECK(previews[1].proof.find("second time changes nothing") != std::string::npos);
  CHECK(previews[2].would_change == 100);
  CHECK(previews[2].sample[0] == "id 1: n 1003 -> 2006");  // on top of the step before
  CHECK(job.ask("SELECT sum(n), (SELECT count(*) FROM bfl_step) FROM t") == before);
}
