// Runs: what is changed, what is left alone, what is said, and what a second run does, on a real database with the seams open.
#include "tests/unit/faulty_connector.h"
#include "tests/unit/job_fixture.h"

#include <map>

using namespace bfl;
using namespace bfl::test;
using connect::RawValue;
using run::EventKind;

TEST_CASE("a step changes its rows, keeps their images, and is not repeated") {
  Job job(rows_of_t(25));
  const Ran first = job.run_job("update zero of db.t where n > 30 { set n = 0 chunk 10 }\nverify none { assert count(db.t where n > 30) == 0 }\n");
  CHECK_MESSAGE(first.exit_code == 0, first.said);
  CHECK(first.outcome.changed == 15);
  CHECK(first.outcome.assertions == 1);
  CHECK(first.kinds("zero") == "step_started chunk_committed chunk_committed chunk_committed step_finished");
  CHECK(job.ask("SELECT sum(n) FROM t") == "165");
  CHECK(job.ledger_problem() == "");
  CHECK(job.ask("SELECT changed, state, route FROM bfl_step WHERE name = 'zero'") == "15 done direct");

  const std::string before = job.ask("SELECT count(*) FROM bfl_ledger");
  const Ran second = job.run_job("update zero of db.t where n > 30 { set n = 0 chunk 10 }\nverify none { assert count(db.t where n > 30) == 0 }\n");
  CHECK(second.exit_code == 0);
  CHECK(second.outcome.changed == 0);
  CHECK(second.outcome.steps_reused == 1);
  CHECK(second.outcome.steps_run == 0);
  CHECK(second.kinds("zero") == "step_reused");
  CHECK(job.ask("SELECT count(*) FROM bfl_ledger") == before);
}

TEST_CASE("the images of a chunk are the rows as they were and what was changed of them") {
  Job job("CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, s TEXT, b BLOB); INSERT INTO t VALUES(1, 5, 'é', x'00ff'), (2, NULL, NULL, NULL);");
  REQUIRE(job.run_job(zero).exit_code == 0);
  auto target = job.open();
  std::vector<ledger::Record> records;
  REQUIRE(ledger::entries(*target, "j", [&](const ledger::EntryView& entry) {
    if (!entry.pack.empty()) REQUIRE(ledger::read_pack(entry.pack, *ledger::rows_root(entry.text), [&](const ledger::Record& record) { records.push_back(record); return true; }));
    return true;
  }));
  REQUIRE(records.size() == 2);
  CHECK(ledger::display(records[0].before) == "1, 5, é, x'00ff'");
  CHECK(ledger::display(records[1].before) == "2, null, null, null");
  REQUIRE(records[0].after.size() == 1);
  CHECK(records[0].after[0].first == 1);
  CHECK(ledger::display({records[0].after[0].second}) == "0");
}

TEST_CASE("keys of every kind are walked to the end, chunk by chunk") {
  const char* tables[] = {
      "CREATE TABLE t(a TEXT NOT NULL, b INTEGER NOT NULL, n INTEGER, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO t SELECT char(97 + i % 7), i, 1 FROM c",
      "CREATE TABLE t(a TEXT NOT NULL UNIQUE, n INTEGER); INSERT INTO t SELECT 'k' || i, 1 FROM c",
      "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t SELECT (i - 20) * 400000000000000000, 1 FROM c",
      "CREATE TABLE t(\"Odd \"\"name\" BLOB NOT NULL UNIQUE, n INTEGER); INSERT INTO t SELECT randomblob(5), 1 FROM c",
  };
  for (const std::string sql : tables) {
    CAPTURE(sql);
    const auto at = sql.find("INSERT");
    Job job(sql.substr(0, at) + "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40) " + sql.substr(at));
    const Ran ran = job.run_job("update zero of db.t { set n = 0 chunk 7 }\n");
    CHECK_MESSAGE(ran.exit_code == 0, ran.said);
    CHECK(ran.outcome.changed == 40);
    CHECK(job.ask("SELECT count(*), sum(n) FROM t") == "40 0");
    CHECK(job.ask("SELECT count(*) FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step WHERE s.name = 'zero'") == "6");
    CHECK(job.ledger_problem() == "");
  }
}

TEST_CASE("nothing to change is one look, recorded and not repeated") {
  Job job(rows_of_t(10));
  const Ran ran = job.run_job("update zero of db.t where n < 0 { set n = 0 }\n");
  CHECK(ran.exit_code == 0);
  CHECK(ran.kinds("zero") == "step_started step_finished");
  CHECK(job.run_job("update zero of db.t where n < 0 { set n = 0 }\n").outcome.steps_reused == 1);
  Job empty("CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER)");
  CHECK(empty.run_job(zero).exit_code == 0);
}

TEST_CASE("a limit of chunks stops the run between chunks, and the next goes on") {
  Job job(rows_of_t(100));
  const std::string script = "update bump of db.t { set n = n + 1 once chunk 10 }\n";
  job.options.limit_chunks = 3;
  const Ran first = job.run_job(script);
  CHECK(first.exit_code == 75);
  CHECK(first.outcome.changed == 30);
  CHECK(first.said == "");
  const Ran second = job.run_job(script);
  CHECK(second.kinds("bump") == "step_resumed chunk_committed chunk_committed chunk_committed");
  job.options.limit_chunks = -1;
  const Ran third = job.run_job(script);
  CHECK(third.exit_code == 0);
  CHECK(third.outcome.changed == 40);
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = id * 3 + 1") == "100");
  CHECK(job.ledger_problem() == "");
  CHECK(job.ask("SELECT changed FROM bfl_step WHERE name = 'bump'") == "100");
  // Exactly as many as are due: finished, not stopped.
  Job exact(rows_of_t(20));
  exact.options.limit_chunks = 2;
  CHECK(exact.run_job(script).exit_code == 0);
}

TEST_CASE("a row is changed once under a step name, whatever becomes of the step") {
  Job job(rows_of_t(10));
  REQUIRE(job.run_job(bump).exit_code == 0);
  job.run("INSERT INTO t VALUES(11, 33, 'new')");
  // Edited: the rows that it has changed are left out.
  const Ran edited = job.run_job("update bump of db.t { set n = n + 10 once }\n");
  CHECK(edited.exit_code == 0);
  CHECK(edited.outcome.changed == 1);
  CHECK(job.ask("SELECT sum(n - id * 3) FROM t") == "20");
  // Again: only those that are as they were before.
  job.run("UPDATE t SET n = 15 WHERE id = 5");
  job.options.again = {"bump"};
  const Ran again = job.run_job("update bump of db.t { set n = n + 10 once }\n");
  CHECK_MESSAGE(again.exit_code == 0, again.said);
  CHECK(again.outcome.changed == 1);
  CHECK(job.ask("SELECT n FROM t WHERE id = 5") == "25");
  CHECK(job.ledger_problem() == "");
}

TEST_CASE("a sealed row that was changed or removed meanwhile is a conflict, and is left alone") {
  Job job(rows_of_t(30));
  const std::string staged = "update mean of db.t { set n = count(db.t where n > 0) + id chunk 10 }\n";
  job.options.limit_chunks = 1;
  const Ran first = job.run_job(staged);
  REQUIRE_MESSAGE(first.exit_code == 75, first.said);
  job.run("UPDATE t SET s = 'other' WHERE id = 14; DELETE FROM t WHERE id = 25; UPDATE t SET n = n WHERE id = 20;");
  job.options.limit_chunks = -1;
  const Ran second = job.run_job(staged);
  CHECK_MESSAGE(second.exit_code == 3, second.said);
  CHECK(second.outcome.conflicts == 2);
  CHECK(job.ask("SELECT n FROM t WHERE id = 14") == "42");
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = 30 + id") == "28");  // one of them was so before
  CHECK(job.ask("SELECT conflicts, changed, state FROM bfl_step WHERE name = 'mean'") == "2 27 done");
  auto target = job.open();
  std::string reasons;
  REQUIRE(ledger::entries(*target, "j", [&](const ledger::EntryView& entry) {
    if (entry.pack.empty()) return true;
    REQUIRE(ledger::read_pack(entry.pack, *ledger::rows_root(entry.text), [&](const ledger::Record& record) {
      if (record.kind == 'c') reasons += ledger::display(record.before) + ": " + record.reason + ";";
      return true;
    }));
    return true;
  }));
  CHECK(reasons == "14: `s` was changed since the set was sealed;25: the row is gone;");
  CHECK(job.ledger_problem() == "");
}

TEST_CASE("a row that no longer matches when its turn comes is skipped by a `once` step, not changed") {
  Job job(rows_of_t(20));
  const std::string script = "update bump of db.t where n > 0 { set n = n + 1 once chunk 10 }\n";
  job.options.limit_chunks = 1;
  REQUIRE(job.run_job(script).exit_code == 75);
  job.run("UPDATE t SET n = -5 WHERE id = 15; UPDATE t SET n = 100 WHERE id = 16");
  job.options.limit_chunks = -1;
  const Ran ran = job.run_job(script);
  CHECK(ran.exit_code == 0);
  CHECK(job.ask("SELECT n FROM t WHERE id IN (15, 16)") == "-5;101");
}

TEST_CASE("a commit whose reply was lost is adopted, one that was lost is done again, and each row changes once") {
  for (const auto fault : {Faulty::Fault::lost_reply, Faulty::Fault::lost_commit, Faulty::Fault::busy_open, Faulty::Fault::busy_rolled_back})
    for (int at = 4; at <= 7; ++at) {  // set-up, take-over, opening; then the chunks
      CAPTURE(static_cast<int>(fault));
      CAPTURE(at);
      Job job(rows_of_t(40));
      job.wrap = faulty(fault, at);
      const Ran ran = job.run_job("update bump of db.t { set n = n + 1 once chunk 10 }\n");
      CHECK_MESSAGE(ran.exit_code == 0, ran.said);
      CHECK(ran.outcome.changed == 40);
      CHECK(job.ask("SELECT count(*) FROM t WHERE n = id * 3 + 1") == "40");
      CHECK(job.ledger_problem() == "");
      const bool again = fault == Faulty::Fault::lost_commit || fault == Faulty::Fault::busy_rolled_back;
      CHECK((ran.kinds("bump").find("chunk_retried") != std::string::npos) == again);
    }
}

TEST_CASE("a run that was taken over commits nothing more") {
  Job job(rows_of_t(40));
  const std::string take = "UPDATE bfl_job SET epoch = epoch + 1, holder = 'eve', host = 'there', pid = 7; UPDATE bfl_lane SET epoch = epoch + 1 WHERE epoch > 0";
  job.also = [&](const run::Event& event) {
    if (event.kind == EventKind::chunk_committed && event.chunk == 2) job.run(take);
  };
  const Ran ran = job.run_job("update bump of db.t { set n = n + 1 once chunk 10 }\n");
  CHECK(ran.exit_code == 75);
  CHECK(ran.outcome.changed == 20);
  CHECK(ran.says("BFL0508"));
  CHECK(ran.says("eve@there pid 7"));
  CHECK(ran.says("chunks 1 to 2 are committed"));
  CHECK(job.ask("SELECT holder FROM bfl_job") == "eve");
}

TEST_CASE("a job that somebody else holds is refused with their name, until the lease ends or their process is gone") {
  Job job(rows_of_t(5));
  REQUIRE(job.run_job("update zero of db.t where id < 3 { set n = 0 }\n").exit_code == 0);
  const auto hold = [&](const std::string& host, std::int64_t pid, std::int64_t lease) {
    job.run("UPDATE bfl_job SET holder = 'eve', host = '" + host + "', pid = " + std::to_string(pid) + ", pid_start = 0, lease_end = " + std::to_string(lease));
  };
  const std::int64_t later = job.clock.time.micros + 20'000'000;
  hold("there", 7, later);
  const Ran refused = job.run_job(zero);
  CHECK(refused.exit_code == 75);
  CHECK(refused.says("BFL0508"));
  CHECK(refused.says("eve@there pid 7"));
  CHECK(refused.says("nothing was changed"));
  hold("here", 1, later);  // alive, and not ours
  CHECK(job.run_job(zero).exit_code == 75);
  // What needs no write is not refused.
  CHECK(job.run_job("verify all { assert count(db.t) == 5 }\n").exit_code == 0);
  hold("there", 7, job.clock.time.micros - 1);
  CHECK(job.run_job(zero).exit_code == 0);
  hold("here", 4'000'000, later);  // there is no such process
  CHECK(job.run_job("update one of db.t { set n = 1 }\n").exit_code == 0);
}

TEST_CASE("a check that fails keeps what writes behind it from starting, and nothing else") {
  Job job(rows_of_t(5, "CREATE TABLE u(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO u VALUES(1, 1);"));
  const Ran ran = job.run_job("update before of db.u { set n = 2 }\ncheck few { assert count(db.t where n > 0) <= 2 \"too many\" }\n"
                              "check second { assert count(db.u) == 2 }\ncheck third { assert count(db.u) == 1 }\n" +
                              zero + "update other of db.u { set n = 0 }\nverify done { assert count(db.t where n > 0) == 0 }\n");
  CHECK(ran.exit_code == 1);
  CHECK(ran.says("BFL0505"));
  CHECK(ran.says("too many"));
  CHECK(ran.says("found 5"));
  CHECK(ran.kinds("zero") == "step_blocked");
  CHECK(ran.kinds("before") == "step_started chunk_committed step_finished");
  CHECK(ran.says("found 1"));  // the second check is evaluated all the same
  CHECK(ran.kinds("other") == "step_blocked");
  CHECK(ran.kinds("done") == "step_blocked");
  CHECK(job.ask("SELECT sum(n) FROM t") == "45");
}

TEST_CASE("a check passes once per memo key, a verification is made every time") {
  Job job(rows_of_t(5));
  const std::string script = "check some { assert count(db.t) > 0 }\n" + zero + "verify none { assert count(db.t where n != 0) == 0 }\n";
  REQUIRE(job.run_job(script).exit_code == 0);
  job.run("UPDATE t SET n = 9 WHERE id = 1");
  const Ran second = job.run_job(script);
  CHECK(second.kinds("some") == "step_reused");
  CHECK(second.kinds("zero") == "step_reused");
  CHECK(second.exit_code == 1);
  CHECK(second.says("BFL0506"));
  CHECK(second.says("found 1"));
}

TEST_CASE("an upper bound holds across chunks and resumes, an exact one before the first write, a lower one at the end") {
  Job job(rows_of_t(50));
  const std::string script = "update zero of db.t { set n = 0 chunk 10 expect changed <= 25 }\n";
  job.options.limit_chunks = 1;
  REQUIRE(job.run_job(script).exit_code == 75);
  job.options.limit_chunks = -1;
  const Ran ran = job.run_job(script);
  CHECK(ran.exit_code == 1);
  CHECK(ran.says("BFL0507"));
  CHECK(ran.says("chunks 1 to 2 are committed, chunk 3 was rolled back"));
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = 0") == "20");
  CHECK(job.run_job("update zero of db.t { set n = 0 chunk 10 expect changed <= 50 }\n").exit_code == 0);  // the bound paces only
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = 0") == "50");

  Job exact(rows_of_t(5));
  const Ran other = exact.run_job("update zero of db.t { set n = 0 expect changed == 4 }\n");
  CHECK(other.exit_code == 1);
  CHECK(other.says("5 rows would change, expected exactly 4"));
  CHECK(other.says("nothing was changed"));
  CHECK(exact.ask("SELECT sum(n) FROM t") == "45");
  Job few(rows_of_t(5));
  CHECK(few.run_job("update zero of db.t { set n = 0 expect changed >= 6 }\n").says("5 rows were changed, expected at least 6"));
}

TEST_CASE("a row that does not fit is named, its chunk is rolled back, and the chunks before it stay") {
  const auto table = [](int rows, int bad) {
    std::string sql = rows_of_t(rows);
    return sql.replace(sql.find("s TEXT)"), 6, "s TEXT, CHECK (n > 3 OR s <> 'row " + std::to_string(bad) + "')");
  };
  Job job(table(500, 337));
  const Ran ran = job.run_job("update zero of db.t { set n = 0 chunk 100 }\n");
  CHECK(ran.exit_code == 1);
  CHECK(ran.says("BFL0504"));
  CHECK(ran.says("CHECK constraint failed"));
  CHECK(ran.says("at the row with id = 337; chunks 1 to 3 are committed, chunk 4 was rolled back, nothing to clean up"));
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = 0") == "300");
  CHECK(job.ledger_problem() == "");
  job.run("UPDATE t SET s = 'mended' WHERE id = 337");
  const Ran resumed = job.run_job("update zero of db.t { set n = 0 chunk 100 }\n");
  CHECK_MESSAGE(resumed.exit_code == 0, resumed.said);
  CHECK(job.ask("SELECT count(*) FROM t WHERE n = 0") == "500");

  Job sealed(table(50, 37));
  CHECK(sealed.run_job("update down of db.t { set n = 0 - n once chunk 10 }\n").says("at the row with id = 37; chunks 1 to 3 are committed"));
}

TEST_CASE("what a trigger changes beyond the step is listed, and never committed") {
  Job job(rows_of_t(3, "CREATE TABLE log(x)"));
  job.planned(zero);
  job.run("CREATE TRIGGER noted AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (old.n); INSERT INTO log VALUES (new.n); UPDATE t SET s = 'x' WHERE id = 3; END");
  auto all = job.planned(zero, true);  // the checker refuses triggers; what it has not seen is caught all the same
  auto state = store::open_state(job.state_path);
  Diagnostics found;
  auto outcome = run::execute(all->program, all->plan, all->targets, **state, job.clock, job.stop, {}, job.options, found);
  const std::string said = render(found, all->texts);
  CHECK(outcome.exit_code == 2);
  CHECK_MESSAGE(said.find("BFL0411") != std::string::npos, said);
  CHECK(said.find("`log` (6 rows), `t` itself (3 rows)") != std::string::npos);
  CHECK(job.ask("SELECT count(*) FROM log") == "0");
  CHECK(job.ask("SELECT sum(n) FROM t") == "18");
}

TEST_CASE("a trigger made after the plan stops the step before it begins") {
  Job job(rows_of_t(3, "CREATE TABLE log(x)"));
  auto all = job.planned(zero);
  job.run("CREATE TRIGGER noted AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (old.n); END");
  auto state = store::open_state(job.state_path);
  Diagnostics found;
  CHECK(run::execute(all->program, all->plan, all->targets, **state, job.clock, job.stop, {}, job.options, found).exit_code == 75);
  CHECK(render(found, all->texts).find("BFL0509") != std::string::npos);
  CHECK(job.ask("SELECT sum(n) FROM t") == "18");
}

TEST_CASE("a schema that changes under the run stops it between chunks, one of another table does not") {
  Job job(rows_of_t(50, "CREATE TABLE u(x)"));
  const std::string script = "update zero of db.t { set n = 0 chunk 10 }\n";
  job.also = [&](const run::Event& event) {
    if (event.kind == EventKind::chunk_committed && event.chunk == 1) job.run("ALTER TABLE u ADD COLUMN y");
    if (event.kind == EventKind::chunk_committed && event.chunk == 3) job.run("ALTER TABLE t ADD COLUMN extra DEFAULT 7");
  };
  const Ran ran = job.run_job(script);
  CHECK(ran.exit_code == 75);
  CHECK(ran.says("BFL0509"));
  CHECK(ran.says("chunks 1 to 3 are committed, chunk 4 was rolled back"));
  job.also = {};
  const Ran resumed = job.run_job(script);
  CHECK_MESSAGE(resumed.exit_code == 0, resumed.said);
  CHECK(job.ask("SELECT sum(n) FROM t") == "0");
  CHECK(job.ledger_problem() == "");
}
