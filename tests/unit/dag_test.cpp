#include "interpreter/plan/dag.h"

#include <ctime>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/unit/plan_program.h"

using namespace bfl;
using namespace bfl::program::test;
using plan::EdgeReason;
using program::StepKind;

namespace {

std::string edges_of(const program::Program& program) {
  Diagnostics diagnostics;
  const plan::Dag dag = plan::order_steps(program, diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  std::string out;
  for (const plan::Edge& edge : dag.edges)
    out += fmt::format("{}>{} {}; ", program.steps[edge.from].name, program.steps[edge.to].name, plan::name_of(edge.reason));
  return out;
}

program::Step step(std::string name, std::set<program::ColumnUse> reads, std::set<program::ColumnUse> writes) {
  program::Step made;
  made.name = std::move(name);
  made.kind = StepKind::update;
  made.reads = std::move(reads);
  made.writes = std::move(writes);
  return made;
}

double seconds_for(const program::Program& program, std::size_t most_edges) {
  Diagnostics diagnostics;
  const std::clock_t start = std::clock();  // of this process: a busy machine makes nothing slower
  const plan::Dag dag = plan::order_steps(program, diagnostics);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  CHECK(dag.order.size() == program.steps.size());
  CHECK(dag.edges.size() <= most_edges);
  return seconds;
}

}  // namespace

TEST_CASE("a reader waits for the writer before it, a writer for the readers before it") {
  auto program = shop();
  program.steps = {assertion(StepKind::check, "scope", {-1, total}), update("fix", total, subtotal), assertion(StepKind::verify, "proof", {-1, total})};
  CHECK(edges_of(program) == "scope>fix reads_then_writes; fix>proof writes_then_reads; ");
}

TEST_CASE("two writers of a column keep the order of the text") {
  auto program = shop();
  program.steps = {update("first", total, subtotal), update("second", total, tax)};
  CHECK(edges_of(program) == "first>second both_write; ");
}

TEST_CASE("steps that share no written column are not ordered") {
  auto program = shop();
  program.steps = {update("a", total, subtotal), update("b", tax, subtotal), update("d", 1, 1, lines), assertion(StepKind::check, "c", {subtotal})};
  CHECK(edges_of(program).empty());
}

TEST_CASE("a step that reads what it writes does not wait for itself") {
  auto program = shop();
  program.steps = {update("a", total, total), update("b", total, total)};
  CHECK(edges_of(program) == "a>b writes_then_reads; ");
}

TEST_CASE("of several reasons for one pair the strongest is kept, and a column is named rather than the rows") {
  auto program = shop();
  program.steps = {step("a", uses(orders, {tax}), uses(orders, {-1, subtotal, total})), step("b", uses(orders, {-1, total}), uses(orders, {tax, subtotal}))};
  program.steps[1].after = {0};
  Diagnostics diagnostics;
  const plan::Dag dag = plan::order_steps(program, diagnostics);
  REQUIRE(dag.edges.size() == 1);
  CHECK(dag.edges[0].reason == EdgeReason::writes_then_reads);
  CHECK(dag.edges[0].use.column == total);
}

TEST_CASE("what writes waits for the checks before it in the text, through the last of them") {
  auto program = shop();
  program.steps = {update("before", tax, subtotal), assertion(StepKind::check, "one", {subtotal}), assertion(StepKind::check, "two", {subtotal}),
                   update("fix", total, subtotal), assertion(StepKind::verify, "proof", {subtotal}), update("d", 1, 1, lines)};
  CHECK(edges_of(program) == "one>two guarded; two>fix guarded; two>d guarded; ");
  program.steps.clear();
  for (int i = 0; i < 20'000; ++i)
    program.steps.push_back(i % 2 ? update(fmt::format("w{}", i), i % 7, 0, lines) : assertion(StepKind::check, fmt::format("c{}", i), {subtotal}));
  CHECK(seconds_for(program, 60'000) < 2);
}

TEST_CASE("`after` may name a later step, and the text breaks ties") {
  auto program = shop();
  program.steps = {update("a", total, subtotal), update("b", tax, subtotal), update("c", 1, 1, lines)};
  program.steps[0].after = {2};
  Diagnostics diagnostics;
  CHECK(plan::order_steps(program, diagnostics).order == std::vector<std::size_t>{1, 2, 0});
  CHECK_FALSE(diagnostics.has_errors());
}

TEST_CASE("steps that wait for each other are shown with the whole path and its reasons") {
  auto program = shop();
  program.steps = {update("a", total, subtotal), update("b", tax, total), update("c", subtotal, tax), update("d", 1, 1, lines)};
  program.steps[0].after = {2};
  for (std::size_t i = 0; i < 3; ++i) program.steps[i].name_span = {static_cast<std::uint32_t>(10 * i), static_cast<std::uint32_t>(10 * i + 1), 0};
  Diagnostics diagnostics;
  const plan::Dag dag = plan::order_steps(program, diagnostics);
  CHECK(dag.order.empty());
  REQUIRE(diagnostics.errors() == 1);
  const Diagnostic& found = diagnostics.all()[0];
  CHECK(found.code == Code::dependency_cycle);
  CHECK(found.message == "steps wait for each other: a -> c -> a");
  CHECK(found.span == program.steps[0].name_span);
  REQUIRE(found.labels.size() == 1);
  CHECK(found.labels[0].span == program.steps[2].name_span);
  CHECK(found.notes == std::vector<std::string>{"a reads shop.orders.subtotal before c writes it", "a says `after c`"});
  CHECK(found.help == "remove `after c` from `a`, or move `a` behind `c`");
}

TEST_CASE("each tangle of steps is reported once") {
  auto program = shop();
  program.steps = {update("a", total, subtotal), update("b", total, subtotal), update("c", 1, 0, lines), update("d", 1, 0, lines)};
  program.steps[0].after = {1};
  program.steps[2].after = {3};
  Diagnostics diagnostics;
  plan::order_steps(program, diagnostics);
  REQUIRE(diagnostics.errors() == 2);
  CHECK(diagnostics.all()[0].message == "steps wait for each other: a -> b -> a");
  CHECK(diagnostics.all()[1].message == "steps wait for each other: c -> d -> c");
}

TEST_CASE("a step that waits for itself is a cycle of one") {
  auto program = shop();
  program.steps = {update("a", total, subtotal)};
  program.steps[0].after = {0};
  Diagnostics diagnostics;
  plan::order_steps(program, diagnostics);
  REQUIRE(diagnostics.errors() == 1);
  CHECK(diagnostics.all()[0].message == "`a` waits for itself: a -> a");
}

TEST_CASE("a job without steps has an empty order") {
  const auto program = shop();
  Diagnostics diagnostics;
  CHECK(plan::order_steps(program, diagnostics).order.empty());
  CHECK_FALSE(diagnostics.has_errors());
}

TEST_CASE("the graph of 100,000 steps on one column stays linear, whoever reads or writes") {
  constexpr std::size_t steps = 100'000;
  auto program = shop();
  SUBCASE("all write") {
    for (std::size_t i = 0; i < steps; ++i) program.steps.push_back(update("s", total, subtotal));
  }
  SUBCASE("all read and write") {
    for (std::size_t i = 0; i < steps; ++i) program.steps.push_back(update("s", total, total));
  }
  SUBCASE("one writes, many read, one writes, many read") {
    for (std::size_t i = 0; i < steps; ++i)
      program.steps.push_back(i % 50'000 == 0 ? update("s", total, subtotal) : assertion(StepKind::check, "s", {total}));
  }
  CHECK(seconds_for(program, 3 * steps) < 1.0);
}

TEST_CASE("a cycle through a long chain is found without deep recursion") {
  auto program = shop();
  for (std::size_t i = 0; i < 100'000; ++i) program.steps.push_back(update("s", total, total));
  program.steps[0].after = {99'999};
  Diagnostics diagnostics;
  plan::order_steps(program, diagnostics);
  REQUIRE(diagnostics.errors() == 1);
  CHECK(diagnostics.all()[0].message.size() < 200);
  CHECK(diagnostics.all()[0].notes.size() < 20);
}
