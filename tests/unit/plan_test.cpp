#include "interpreter/plan/plan.h"

#include <doctest/doctest.h>

#include "tests/unit/plan_program.h"

using namespace bfl;
using namespace bfl::program::test;
using program::StepKind;

namespace {

program::Program job() {
  auto program = shop();
  program.steps = {assertion(StepKind::check, "scope", {-1, subtotal, tax, total}), update("fix_totals", total, subtotal),
                   update("round_tax", tax, tax), assertion(StepKind::verify, "none_left", {-1, subtotal, tax, total})};
  program.steps[3].after = {0};
  return program;
}

plan::Plan planned(const program::Program& program) {
  Diagnostics diagnostics;
  plan::Plan plan = plan::make(program, {"identity"}, diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  return plan;
}

}  // namespace

TEST_CASE("the graph as text gives the reason of each edge in words") {
  const auto program = job();
  CHECK(plan::to_text(planned(program), program) == R"(fix_order_totals: 4 steps, 5 edges

check scope

update fix_totals
  after scope: scope reads shop.orders.total before fix_totals writes it

update round_tax
  after scope: scope reads shop.orders.tax before round_tax writes it

verify none_left
  after scope: none_left says `after scope`
  after fix_totals: fix_totals writes shop.orders.total, which none_left reads
  after round_tax: round_tax writes shop.orders.tax, which none_left reads
)");
}

TEST_CASE("the graph for Graphviz quotes what it shows") {
  auto program = job();
  program.job = "a \"job\"\\";
  CHECK(plan::to_dot(planned(program), program) == R"(digraph "a \"job\"\\" {
  node [shape=box];
  s0 [label="check scope"];
  s1 [label="update fix_totals"];
  s2 [label="update round_tax"];
  s3 [label="verify none_left"];
  s0 -> s1 [label="scope reads shop.orders.total before fix_totals writes it"];
  s0 -> s2 [label="scope reads shop.orders.tax before round_tax writes it"];
  s0 -> s3 [label="none_left says `after scope`"];
  s1 -> s3 [label="fix_totals writes shop.orders.total, which none_left reads"];
  s2 -> s3 [label="round_tax writes shop.orders.tax, which none_left reads"];
}
)");
}

TEST_CASE("the graph for Mermaid quotes what it shows") {
  auto program = job();
  program.steps.resize(2);
  program.catalogues[0].tables[0].columns[3].name = "the \"total\"";
  CHECK(plan::to_mermaid(planned(program), program) == R"(flowchart TD
  s0["check scope"]
  s1["update fix_totals"]
  s0 -->|"scope reads shop.orders.the #quot;total#quot; before fix_totals writes it"| s1
)");
}

TEST_CASE("the graph as JSON names steps, edges and reasons") {
  auto program = job();
  program.steps.resize(2);
  CHECK(plan::to_json(planned(program), program) == R"({
  "job": "fix_order_totals",
  "steps": [
    {
      "step": "scope",
      "kind": "check"
    },
    {
      "step": "fix_totals",
      "kind": "update"
    }
  ],
  "edges": [
    {
      "from": "scope",
      "to": "fix_totals",
      "reason": "reads_then_writes",
      "column": "shop.orders.total",
      "text": "scope reads shop.orders.total before fix_totals writes it"
    }
  ]
}
)");
}

TEST_CASE("an edge about which rows there are says so") {
  auto program = job();
  CHECK(plan::describe({0, 1, plan::EdgeReason::writes_then_reads, {orders, -1}}, program) ==
        "scope writes which rows shop.orders has, which fix_totals reads");
}

TEST_CASE("the work of a step follows its kind and its route") {
  auto program = job();
  program.steps[1].route = program::Route::sealed;
  program.steps[2].route = program::Route::whole;
  program.steps.push_back(update("plain", 1, 0, lines));
  const auto plan = planned(program);
  REQUIRE(plan.steps.size() == 5);
  CHECK(plan.steps[0].work == plan::WorkKind::assertion);
  CHECK(plan.steps[1].work == plan::WorkKind::sealed_write);
  CHECK(plan.steps[2].work == plan::WorkKind::whole_write);
  CHECK(plan.steps[3].work == plan::WorkKind::assertion);
  CHECK(plan.steps[4].work == plan::WorkKind::direct_write);
  for (std::size_t i = 0; i < 5; ++i) CHECK(plan.steps[i].step == i);
}

TEST_CASE("a plan with a cycle is empty") {
  auto program = job();
  program.steps[0].after = {3};
  Diagnostics diagnostics;
  const auto plan = plan::make(program, {"identity"}, diagnostics);
  CHECK(diagnostics.has_errors());
  CHECK(plan.steps.empty());
  CHECK(plan.order.empty());
  CHECK(plan.edges.empty());
}
