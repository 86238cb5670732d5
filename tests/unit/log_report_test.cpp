#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "interpreter/report/log_text.h"

using namespace bfl;

namespace {

bool alive(const store::RunRecord& run) { return run.pid == 42; }

store::RunRecord a_run(std::string id, int exit_code = 0) {
  store::RunRecord run;
  run.id = std::move(id);
  run.job = "fix_order_totals";
  run.path = "jobs/fix.bfl";
  run.script_digest = "d1";
  run.version = "0.1.0";
  run.who = "ada";
  run.host = "desk";
  run.started = "2025-04-01T10:15:00.123456Z";
  run.finished = "2025-04-01T10:15:09Z";
  run.exit_code = exit_code;
  run.pid = 42;
  return run;
}

store::JournalEntry entry(std::string step, std::string kind, std::string reason = {}) {
  store::JournalEntry made;
  made.run = "r1";
  made.job = "fix_order_totals";
  made.step = std::move(step);
  made.kind = std::move(kind);
  made.time = "2025-04-01T10:15:01Z";
  made.reason = std::move(reason);
  return made;
}

store::JournalEntry chunk(std::int64_t number, std::string from, std::string to, std::int64_t changed, std::int64_t conflicts = 0) {
  auto made = entry("totals", "chunk_committed");
  made.chunk = number;
  made.from_key = std::move(from);
  made.to_key = std::move(to);
  made.rows_read = 2000;
  made.rows_changed = changed;
  made.conflicts = conflicts;
  made.seconds = 0.25;
  return made;
}

std::vector<store::JournalEntry> diary() {
  return {entry("", "run_started"), entry("scope", "step_reused", "passed before, and nothing of it changed"), entry("totals", "step_started", "first run"),
          chunk(0, "", "2000", 1500), chunk(1, "2000", "4000", 10, 2), entry("totals", "step_finished"), entry("proof", "assertion_failed", "3 rows are left\nof 9"),
          entry("later", "step_blocked", "waits for proof"), entry("", "run_finished")};
}

}  // namespace

TEST_CASE("the runs are a table with the state of each") {
  auto running = a_run("20250401T101600-bbbbbb"), cut = a_run("20250401T101500-aaaaaa"), stopped = a_run("20250401T101400-999999", 130);
  running.finished.clear();
  cut.finished.clear();
  cut.pid = 7;
  CHECK(report::runs_text({running, cut, stopped}, alive) == R"(RUN                     JOB               STARTED              STATE
20250401T101600-bbbbbb  fix_order_totals  2025-04-01T10:15:00  running
20250401T101500-aaaaaa  fix_order_totals  2025-04-01T10:15:00  cut short
20250401T101400-999999  fix_order_totals  2025-04-01T10:15:00  stopped
)");
  CHECK(report::runs_text({}, alive) == "no runs yet\n");
}

TEST_CASE("each exit code is a state") {
  for (const auto& [code, state] : std::initializer_list<std::pair<int, const char*>>{
           {0, "done"}, {1, "failed"}, {2, "refused"}, {3, "conflicts"}, {4, "refused"}, {5, "refused"}, {75, "stopped"}, {130, "stopped"}, {143, "stopped"}})
    CHECK(report::state_of(a_run("r1", code), alive) == state);
}

TEST_CASE("one run shows who, when, and what became of each step") {
  CHECK(report::run_text(a_run("r1", 1), diary(), alive) == R"(run r1 of fix_order_totals: failed
  script    jobs/fix.bfl
  by        ada@desk, pid 42, bfl 0.1.0
  started   2025-04-01T10:15:00.123456Z
  finished  2025-04-01T10:15:09Z, exit code 1
  scope   finished before
  totals  done, 1,510 rows changed in 2 chunks, 2 in conflict
  proof   failed: 3 rows are left of 9
  later   waits
)");
}

TEST_CASE("the diary is one line an entry") {
  auto entries = diary();
  entries.resize(7);
  entries[4].to_key = "a\x1b[2J";
  CHECK(report::log_text(entries) == R"(run r1 of fix_order_totals
  2025-04-01T10:15:01Z  run_started
  2025-04-01T10:15:01Z  step_reused       scope: passed before, and nothing of it changed
  2025-04-01T10:15:01Z  step_started      totals: first run
  2025-04-01T10:15:01Z  chunk_committed   totals chunk 0 (start, 2000] 1,500 rows changed
  2025-04-01T10:15:01Z  chunk_committed   totals chunk 1 (2000, a\x1b[2J] 10 rows changed, 2 in conflict
  2025-04-01T10:15:01Z  step_finished     totals 0 rows changed
  2025-04-01T10:15:01Z  assertion_failed  proof: 3 rows are left of 9
)");
  CHECK(report::log_text({}).empty());
}

TEST_CASE("as JSON every object has the fields of the contract, and bytes that are no UTF-8 do not break it") {
  auto entries = diary();
  entries[3].to_key = "\xff";
  std::istringstream lines(report::log_json(entries));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto object = nlohmann::json::parse(line);
    for (const char* field : {"run", "job", "step", "kind", "time"}) CHECK(object.contains(field));
  }
  CHECK(count == entries.size());
  const auto runs = nlohmann::json::parse(report::runs_json({a_run("r1")}, alive));
  for (const char* field : {"run", "job", "step", "kind", "time", "state", "exit_code"}) CHECK(runs[0].contains(field));
  const auto one = nlohmann::json::parse(report::run_json(a_run("r1"), diary(), alive));
  CHECK(one["steps"][1] == nlohmann::json::parse(R"({"step": "totals", "state": "done", "chunks": 2, "rows_changed": 1510, "conflicts": 2, "in_conflict": [], "left_out": 0, "quarantined": 0, "stage": "", "why": ""})"));
}
