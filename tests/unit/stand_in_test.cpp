// Copies of tables that stand in for them: how large they may become.
#include <doctest/doctest.h>

#include "interpreter/run/stand_in.h"
#include "tests/unit/job_fixture.h"

using namespace bfl;

namespace {

constexpr const char* rows = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, note TEXT);"
                             "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 500) INSERT INTO t SELECT i, i, hex(zeroblob(200)) FROM s";

std::string copied(run::StandIns::Bounds bounds) {
  test::Job job(rows);
  const auto planned = job.planned("update more of db.t where n > 0 { set n = n + 1 once }");
  const program::Step& step = planned->program.steps[0];
  run::StandIns copies(planned->program, {step.target}, {}, planned->targets, bounds);
  const bool made = copies.copy(step);
  CHECK(made == copies.why_not(step.target.source).empty());
  return copies.why_not(step.target.source);
}

}  // namespace

TEST_CASE("no more bytes are copied than may be") {
  CHECK(copied({1'000, 10 << 20}).empty());
  CHECK(copied({1'000, 64 << 10}).find("MiB would have to be copied") != std::string::npos);
}

TEST_CASE("no more rows are copied than may be") {
  CHECK(copied({500, 10 << 20}).empty());
  CHECK(copied({499, 10 << 20}).find("rows would have to be copied, and 499 are the most") != std::string::npos);
}
