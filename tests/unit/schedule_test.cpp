#include "interpreter/run/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "interpreter/plan/dag.h"

using namespace bfl;
using namespace bfl::run;
using program::StepKind;

namespace {

constexpr int tables = 6;

program::Program server() {
  program::Program program;
  program.job = "side";
  program.sources.push_back({"shop", "postgres://host/shop", "postgres://host/shop", {}});
  Catalogue catalogue{"postgres", {}, {}, 1};
  for (int i = 0; i < tables; ++i) {
    Table table;
    table.name = table.relation = "t" + std::to_string(i);
    table.columns = {{"id", {Kind::integer, false, {}}, "int"}, {"a", {Kind::integer, false, {}}, "int"}, {"b", {Kind::integer, false, {}}, "int"}};
    catalogue.tables.push_back(table);
  }
  program.catalogues.push_back(catalogue);
  return program;
}

program::Step update(std::string name, int table, std::initializer_list<int> reads = {}, int column = 1) {
  program::Step step;
  step.name = std::move(name);
  step.kind = StepKind::update;
  step.target = {0, table};
  step.writes.insert({step.target, column});
  for (const int read : reads) step.reads.insert({{0, read}, 1});
  return step;
}

plan::Plan planned(const program::Program& program) {
  Diagnostics diagnostics;
  const plan::Dag dag = plan::order_steps(program, diagnostics);
  plan::Plan made;
  made.edges = dag.edges;
  made.order = dag.order;
  return made;
}

bool all(std::size_t) { return true; }
const std::function<bool(const program::Step&)> room = [](const program::Step&) { return true; };

std::vector<std::string> begun(const program::Program& program, Schedule& schedule) {
  std::vector<std::string> names;
  while (auto next = schedule.next(room)) {
    if (next->waits_for || (next->alone && !names.empty())) break;
    schedule.begin(next->step);
    names.push_back(program.steps[next->step].name);
    if (next->alone) break;
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("steps of different tables begin together, one that reads what another writes waits for it") {
  program::Program program = server();
  program.steps = {update("a", 0), update("b", 1), update("c", 2, {0}), update("d", 3)};
  const plan::Plan plan = planned(program);
  Schedule schedule(program, plan, all);
  CHECK(begun(program, schedule) == Names{"a", "b", "d"});
  schedule.end(1, false);
  CHECK(begun(program, schedule).empty());
  schedule.end(0, false);
  CHECK(begun(program, schedule) == Names{"c"});
}

TEST_CASE("two steps that set columns of one table come in the order of the plan, without an edge between them") {
  program::Program program = server();
  program.steps = {update("a", 0, {}, 1), update("b", 0, {}, 2), update("c", 1)};
  const plan::Plan plan = planned(program);
  CHECK(plan.edges.empty());
  Schedule schedule(program, plan, all);
  CHECK(begun(program, schedule) == Names{"a", "c"});
  schedule.end(0, false);
  CHECK(begun(program, schedule) == Names{"b"});
}

TEST_CASE("what has nothing to do keeps nobody back but what hangs on it") {
  program::Program program = server();
  program.steps = {update("a", 0), update("b", 1), update("c", 2, {1})};
  program.steps[1].rollout.emplace();
  const plan::Plan plan = planned(program);
  Schedule schedule(program, plan, all, [](std::size_t step) { return step == 1; });
  CHECK(begun(program, schedule) == Names{"a", "b"});
  schedule.end(1, false);
  CHECK(begun(program, schedule) == Names{"c"});
}

TEST_CASE("what nobody knows all of is carried out alone and in its turn") {
  program::Program program = server();
  program.steps = {update("a", 0), update("b", 1), update("c", 2)};
  SUBCASE("a rollout") { program.steps[1].rollout.emplace(); }
  SUBCASE("a statement of the script's own") { program.steps[1].sql.emplace(); }
  SUBCASE("a table with triggers") { program.catalogues[0].tables[1].triggers.push_back({"told", "UPDATE", ""}); }
  SUBCASE("a table with partitions") { program.catalogues[0].tables[1].partitioned = true; }
  SUBCASE("what is proved by the end of its walk") {
    program.steps[1].route = program::Route::direct;
    program.steps[1].idempotence = program::Idempotence::guarded;
  }
  SUBCASE("a table with children") { program.catalogues[0].tables[1].inherited = true; }
  SUBCASE("a database that is a file") { program.catalogues[0].engine = "sqlite"; }
  SUBCASE("a share of rows") { program.steps[1].expectations.push_back({.percent = Decimal(5), .of = std::make_shared<program::Expr>()}); }
  const plan::Plan plan = planned(program);
  Schedule schedule(program, plan, all);
  CHECK(begun(program, schedule) == Names{"a"});
  schedule.end(0, false);
  CHECK(begun(program, schedule) == Names{"b"});
  CHECK(begun(program, schedule).empty());
  schedule.end(1, false);
  CHECK(begun(program, schedule) == Names{"c"});
}

TEST_CASE("what hangs on a step that failed is passed over, what does not goes on") {
  program::Program program = server();
  program.steps = {update("a", 0), update("b", 1), update("c", 2, {0})};
  const plan::Plan plan = planned(program);
  Schedule schedule(program, plan, all);
  CHECK(begun(program, schedule) == Names{"a", "b"});
  schedule.end(0, true);
  const auto next = schedule.next(room);
  REQUIRE(next);
  CHECK(next->step == 2);
  CHECK(next->waits_for == 0);
  schedule.end(2, true);
  CHECK_FALSE(schedule.next(room));
}

TEST_CASE("one that was not begun after all comes again") {
  program::Program program = server();
  program.steps = {update("a", 0), update("b", 1)};
  const plan::Plan plan = planned(program);
  Schedule schedule(program, plan, all);
  CHECK(begun(program, schedule) == Names{"a", "b"});
  schedule.put_back(1);
  CHECK(begun(program, schedule) == Names{"b"});
}

TEST_CASE("whatever ends first, every table sees its changes in the order of the plan, and every step is carried out once") {
  std::mt19937 random{7};
  const auto any = [&](int most) { return std::uniform_int_distribution<int>(0, most - 1)(random); };
  for (int trial = 0; trial < 300; ++trial) {
    program::Program program = server();
    const int count = 2 + any(14);
    for (int i = 0; i < count; ++i) {
      program::Step step = update("s" + std::to_string(i), any(tables), {}, 1 + any(2));
      for (int reads = any(3); reads > 0; --reads) step.reads.insert({{0, any(tables)}, 1 + any(2)});
      if (any(8) == 0) step.rollout.emplace();
      if (any(5) == 0) {
        step.kind = StepKind::check;
        step.writes.clear();
      }
      program.steps.push_back(step);
    }
    const plan::Plan plan = planned(program);
    Schedule schedule(program, plan, all);
    std::vector<std::size_t> under_way, ended;
    std::vector<std::pair<std::size_t, std::size_t>> place(program.steps.size());  // when it began, when it ended
    std::size_t clock = 0;
    while (ended.size() < program.steps.size()) {
      const auto next = under_way.size() < 4 ? schedule.next(room) : std::nullopt;
      if (next) {
        CHECK_FALSE(next->waits_for);
        CHECK((!next->alone || under_way.empty()));
        schedule.begin(next->step);
        place[next->step].first = ++clock;
        under_way.push_back(next->step);
        if (!next->alone) continue;
      }
      REQUIRE_FALSE(under_way.empty());
      const std::size_t which = static_cast<std::size_t>(any(static_cast<int>(under_way.size())));
      schedule.end(under_way[which], false);
      place[under_way[which]].second = ++clock;
      ended.push_back(under_way[which]);
      under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
    }
    CHECK_FALSE(schedule.next(room));
    for (std::size_t i = 0; i < plan.order.size(); ++i)
      for (std::size_t j = i + 1; j < plan.order.size(); ++j) {
        const std::size_t first = plan.order[i], then = plan.order[j];
        if (footprint_of(program, program.steps[first]).clashes(footprint_of(program, program.steps[then]))) CHECK(place[first].second < place[then].first);
      }
    for (const plan::Edge& edge : plan.edges) CHECK(place[edge.from].second < place[edge.to].first);
  }
}
