#include "interpreter/run/decide.h"

#include <doctest/doctest.h>

#include "tests/unit/plan_program.h"

using namespace bfl;
using namespace bfl::run;
using ledger::Generation;
using ledger::StepState;
using program::StepKind;

namespace {

plan::StepPlan planned(std::string meaning = "m1", std::string schema = "s1", std::string walk = "w1") {
  plan::StepPlan plan;
  plan.key.components = {{"meaning", meaning, ""}, {"schema", schema, ""}, {"target", "t1", ""}, {"walk", walk, "", true}};
  plan.key.digest = meaning + schema;
  return plan;
}

Generation generation(std::int64_t number, StepState state, const plan::StepPlan& of = planned()) {
  Generation made;
  made.step = "fix";
  made.number = number;
  made.state = state;
  made.memo_key = of.key.digest;
  for (const auto& component : of.key.components) made.components.emplace_back(component.name, component.digest);
  return made;
}

program::Step fix() { return program::test::update("fix", program::test::total, program::test::subtotal); }

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a step that never ran runs") {
  const Decision decision = decide(fix(), planned(), {});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.why == "first run");
  CHECK(decision.generation == 1);
  CHECK(decision.changed.empty());
}

TEST_CASE("a finished step with the same key is reused") {
  const Decision decision = decide(fix(), planned(), {generation(1, StepState::done, planned("m0")), generation(2, StepState::done)});
  CHECK(decision.kind == DecisionKind::reuse);
  CHECK(decision.generation == 2);
  CHECK(decision.why == "finished as generation 2, and nothing of it changed");
}

TEST_CASE("only the newest generation counts: an older one with this very key is not reused") {
  const Decision decision = decide(fix(), planned(), {generation(1, StepState::done), generation(2, StepState::done, planned("m2"))});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.generation == 3);
  CHECK(decision.why == "`meaning` changed since generation 2");
}

TEST_CASE("a finished step with another key runs again, and the changed components are named") {
  const Decision decision = decide(fix(), planned("m2", "s2", "w2"), {generation(1, StepState::done)});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.generation == 2);
  CHECK(decision.changed == Names{"meaning", "schema"});
  CHECK(decision.why == "`meaning` and `schema` changed since generation 1");
}

TEST_CASE("another walk repeats no finished step") {
  CHECK(decide(fix(), planned("m1", "s1", "w2"), {generation(1, StepState::done)}).kind == DecisionKind::reuse);
}

TEST_CASE("an unfinished step with the same key goes on behind its last chunk") {
  auto open = generation(1, StepState::open);
  CHECK(decide(fix(), planned(), {open}).why == "goes on from the start: no chunk was committed");
  open.next_seq = 41;
  open.changed = 1000;
  const Decision decision = decide(fix(), planned(), {open});
  CHECK(decision.kind == DecisionKind::resume);
  CHECK(decision.generation == 1);
  CHECK(decision.why == "goes on after 41 chunks");
}

TEST_CASE("an edited step that already changed rows stops") {
  auto open = generation(1, StepState::open);
  open.next_seq = 2;
  open.changed = 1;
  const Decision decision = decide(fix(), planned("m2"), {open});
  CHECK(decision.kind == DecisionKind::stop);
  CHECK(decision.generation == 1);
  CHECK(decision.changed == Names{"meaning"});
  CHECK(decision.why == "`meaning` changed after generation 1, unfinished, had changed 1 row");
  CHECK(decision.acceptable);
}

TEST_CASE("an unfinished step cannot go on under another walk") {
  auto open = generation(1, StepState::open);
  open.changed = 10;
  const Decision decision = decide(fix(), planned("m1", "s1", "w2"), {open});
  CHECK(decision.kind == DecisionKind::stop);
  CHECK(decision.changed == Names{"walk"});
  CHECK_FALSE(decision.acceptable);
}

TEST_CASE("an edited step that changed nothing takes the new body") {
  const Decision decision = decide(fix(), planned("m2"), {generation(1, StepState::open)});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.generation == 2);
  CHECK(decision.why == "`meaning` changed since generation 1, which had changed no row");
}

TEST_CASE("a set of rows that was never sealed is collected again") {
  const Decision decision = decide(fix(), planned(), {generation(1, StepState::staging)});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.generation == 2);
}

TEST_CASE("an undone generation does not count, the one before it does") {
  CHECK(decide(fix(), planned(), {generation(1, StepState::undone)}).why == "generation 1 was undone");
  CHECK(decide(fix(), planned(), {generation(1, StepState::undone)}).generation == 2);
  CHECK(decide(fix(), planned(), {generation(1, StepState::done), generation(2, StepState::undone)}).kind == DecisionKind::reuse);
}

TEST_CASE("a key with a component that cannot be computed is never reused") {
  auto plan = planned();
  plan.key.components[2].digest.clear();
  plan.key.digest.clear();
  auto stored = generation(1, StepState::done);
  stored.memo_key.clear();
  stored.components[2].second.clear();
  const Decision decision = decide(fix(), plan, {stored});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.why == "`target` changed since generation 1");
}

TEST_CASE("a `once` step says what keeps its rows from changing twice") {
  auto step = fix();
  step.idempotence = program::Idempotence::once;
  CHECK(decide(step, planned(), {}).why == "first run; the ledger makes each row change once");
  CHECK(decide(step, planned("m2"), {generation(1, StepState::done)}).why == "`meaning` changed since generation 1; rows that it has changed are left out");
}

TEST_CASE("a verification runs every time, a check once per key") {
  auto proof = fix();
  proof.kind = StepKind::verify;
  CHECK(decide(proof, planned(), {generation(1, StepState::done)}).kind == DecisionKind::run);
  proof.kind = StepKind::check;
  const Decision decision = decide(proof, planned(), {generation(1, StepState::done)});
  CHECK(decision.kind == DecisionKind::reuse);
  CHECK(decision.why == "passed before, and nothing of it changed");
}

TEST_CASE("generations of other steps are passed over, one by one and for a whole plan") {
  auto other = generation(7, StepState::done);
  other.step = "another";
  CHECK(decide(fix(), planned(), {other}).generation == 1);

  auto program = program::test::shop();
  program.steps = {fix(), fix()};
  program.steps[1].name = "another";
  program.steps[1].keeper = 1;
  plan::Plan plan;
  plan.steps = {planned(), planned("m9")};
  plan.steps[1].step = 1;
  const auto decisions = decide(program, plan, {{generation(1, StepState::done)}, {other}});
  REQUIRE(decisions.size() == 2);
  CHECK(decisions[0].kind == DecisionKind::reuse);
  CHECK(decisions[1].kind == DecisionKind::run);
  CHECK(decisions[1].generation == 8);
}

TEST_CASE("rows that were put back since are done again, but for a statement of SQL and a step whose rows depend on each other") {
  Generation done = generation(1, StepState::done), undo = generation(1, StepState::done);
  done.id = 5;
  undo.id = 6;
  undo.step = "undo fix";
  undo.route = "undo";
  undo.changed = 3;
  Decision decision = decide(fix(), planned(), {done, undo});
  CHECK(decision.kind == DecisionKind::run);
  CHECK(decision.undone_in_part);
  CHECK(decision.generation == 2);
  CHECK(decision.why == "3 rows were put back by an undo");
  program::Step staged = fix();
  staged.idempotence = program::Idempotence::staged;
  decision = decide(staged, planned(), {done, undo});
  CHECK(decision.kind == DecisionKind::reuse);
  CHECK(decision.why == "finished as generation 1, and 3 rows were put back by an undo since; `--again fix` applies it anew to all rows");
  SUBCASE("one that was undone itself") { undo.state = StepState::undone; }
  SUBCASE("one of before the newest application") { undo.id = 4; }
  SUBCASE("one that has put back nothing") { undo.changed = 0; }
  CHECK((undo.state == StepState::done && undo.id == 6 && undo.changed == 3 ? DecisionKind::run : DecisionKind::reuse) == decide(fix(), planned(), {done, undo}).kind);
}
