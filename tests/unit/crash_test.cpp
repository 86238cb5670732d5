// Killed at random instants, and again while it resumes: each row changes exactly once, chunks follow each other, and the ledger
// holds the images of every change. BFL_SEED repeats a sequence. The real binary, and named points in it: tests/faults.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>

#include "tests/unit/job_fixture.h"

using namespace bfl;
using namespace bfl::test;

namespace {

constexpr int rows = 60;

struct Sort {
  const char* name;
  const char* script;
  const char* right;    // how many rows are as they should be
};
const Sort kinds[] = {
    {"once", "update u of db.t { set n = n + 1 once chunk 10 }\n", "SELECT count(*) FROM t WHERE n = id * 3 + 1"},
    {"guarded", "update u of db.t where n < 1000 { set n = n + 1000 chunk 10 }\n", "SELECT count(*) FROM t WHERE n = id * 3 + 1000"},
    {"guarded, through other rows",
     "update u of db.t where n < 1000 where id in (id from db.t where s != \"none\") { set n = n + 1000 chunk 10 }\n",
     "SELECT count(*) FROM t WHERE n = id * 3 + 1000"},
    {"guarded, sealed", "update u of db.t where n < 1000 { set n = n + 1000 chunk 10 expect changed == 60 }\n",
     "SELECT count(*) FROM t WHERE n = id * 3 + 1000"},
    {"staged", "update u of db.t { set n = n + count(db.t where n > 0) once chunk 10 }\n", "SELECT count(*) FROM t WHERE n = id * 3 + 60"},
    {"atomic", "update u of db.t { set n = n + 1 once atomic chunk 10 }\n", "SELECT count(*) FROM t WHERE n = id * 3 + 1"},
    {"two steps",
     "check some { assert count(db.t) == 60 }\nupdate u of db.t { set n = n + 1 once chunk 20 }\nupdate v of db.t where s != \"done\" { "
     "set s = \"done\" chunk 20 }\n",
     "SELECT count(*) FROM t WHERE n = id * 3 + 1 AND s = 'done'"},
};

// Runs the job in a process of its own. -> its exit code, or minus the signal that ended it.
int run_apart(Job& job, const std::string& script, int kill_after_us = -1) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    _exit(job.run_job(script).exit_code);
  }
  if (kill_after_us >= 0) {
    usleep(static_cast<useconds_t>(kill_after_us));
    kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// At no instant may a row have been changed twice; what the ledger holds is what the rows show.
void check_what_is_there(const Job& job) {
  CHECK(job.ask("PRAGMA integrity_check") == "ok");
  if (job.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'bfl_meta'") == "0") return;
  CHECK(job.ledger_problem() == "");
  auto target = job.open();
  std::map<std::string, int> images;
  REQUIRE(ledger::entries(*target, "j", [&](const ledger::EntryView& entry) {
    if (entry.pack.empty()) return true;
    const std::string step = ledger::field(entry.text, "step");
    return bool(ledger::read_pack(entry.pack, *ledger::rows_root(entry.text), [&](const ledger::Record& record) {
      if (record.kind == 'u') ++images[step + " " + ledger::display({record.before[0]})];
      return true;
    }));
  }));
  int twice = 0;
  for (const auto& [row, times] : images) twice += times != 1;
  CHECK(twice == 0);
  CHECK(job.ask("SELECT coalesce(sum(changed), 0) FROM bfl_step") == std::to_string(images.size()));
}

void check_finished(Job& job, const Sort& kind) {
  CHECK(job.ask(kind.right) == std::to_string(rows));
  check_what_is_there(job);
  CHECK(job.ask("SELECT count(*) FROM bfl_step WHERE state NOT IN ('done', 'job')") == "0");
  CHECK(job.run_job(kind.script).outcome.changed == 0);
}

unsigned seed() {
  const char* given = std::getenv("BFL_SEED");
  return given ? static_cast<unsigned>(std::atoll(given)) : std::random_device{}();
}

}  // namespace

TEST_CASE("killed at random instants, a run is resumed at once and each row changes exactly once") {
  const unsigned used = seed();
  CAPTURE(used);
  std::mt19937 random(used);
  for (const Sort& kind : kinds) {
    CAPTURE(kind.name);
    Job job(rows_of_t(rows));
    int ended = -1;
    for (int kills = 0; kills < 10 && ended != 0; ++kills) {
      ended = run_apart(job, kind.script, static_cast<int>(random() % 20'000));
      CHECK((ended == 0 || ended == -SIGKILL));
      check_what_is_there(job);
    }
    if (ended != 0) CHECK(run_apart(job, kind.script) == 0);
    check_finished(job, kind);
  }
}

TEST_CASE("of two runs at once one holds the job, and each row changes once") {
  Job job(rows_of_t(rows));
  const Sort& kind = kinds[0];
  job.planned(kind.script);
  const std::string other_state = job.state_path + "2/state.db";
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    job.state_path = other_state;
    _exit(job.run_job(kind.script).exit_code);
  }
  int mine = 75;
  for (int tries = 0; tries < 200 && mine == 75; ++tries) mine = run_apart(job, kind.script);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 75));
  CHECK(mine == 0);
  check_finished(job, kind);
}
