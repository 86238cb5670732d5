#include "interpreter/plan/memo.h"

#include <ctime>
#include <doctest/doctest.h>
#include <functional>

#include "tests/unit/plan_program.h"

using namespace bfl;
using namespace bfl::program::test;
using program::Program;
using program::StepKind;

namespace {

Program job() {
  auto program = shop();
  program.steps = {update("fix", total, subtotal), assertion(StepKind::check, "scope", {total})};
  return program;
}

plan::MemoKey key_of(const Program& program, std::size_t step = 0, const std::string& identity = "identity") {
  return plan::memo_keys(program, {identity}).at(step);
}

// The names of the components that differ once `change` is made.
std::vector<std::string> changed_by(const std::function<void(Program&)>& change, std::size_t step = 0) {
  Program program = job();
  const auto before = key_of(program, step);
  change(program);
  const auto after = key_of(program, step);
  REQUIRE(before.components.size() == after.components.size());
  std::vector<std::string> names;
  bool in_digest = false;
  for (std::size_t i = 0; i < before.components.size(); ++i) {
    if (before.components[i].digest == after.components[i].digest) continue;
    names.push_back(after.components[i].name);
    in_digest = in_digest || !after.components[i].resumes_only;
  }
  CHECK((before.digest != after.digest) == in_digest);
  if (before.pacing != after.pacing) names.push_back("pacing");
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the key names its components, always in the same order") {
  const auto key = key_of(job());
  Names names;
  for (const auto& component : key.components) {
    names.push_back(component.name);
    CHECK(component.digest.size() == 64);
    CHECK_FALSE(component.shown.empty());
  }
  CHECK(names == Names{"meaning", "schema", "target", "semantics", "walk"});
  CHECK(key_of(job()).digest == key.digest);
}

TEST_CASE("a change of meaning changes `meaning` alone") {
  CHECK(changed_by([](Program& p) { p.steps[0].assignments[0].value = column(1, tax); }) == Names{"meaning"});
  CHECK(changed_by([](Program& p) { p.steps[0].relation = rows_of(orders, 1, compare(program::CompareOp::less, column(1, id), literal(5))); }) ==
        Names{"meaning"});
  CHECK(changed_by([](Program& p) { p.steps[0].once = true; }) == Names{"meaning"});
  CHECK(changed_by([](Program& p) { p.steps[1].assertions[0].condition = literal(1); }, 1) == Names{"meaning"});
}

TEST_CASE("a value from another joined table of the same shape is another meaning") {
  auto joined = [](program::InputId read) {
    Program program = job();
    auto relation = std::make_shared<program::Relation>(*rows_of(orders, 1));
    for (const program::InputId id : {2u, 3u}) {
      program::Input input;
      input.id = id;
      input.kind = program::InputKind::one;
      input.table = orders;
      input.on = compare(program::CompareOp::equal, column(id, program::test::id), literal(id));
      relation->inputs.push_back(input);
    }
    program.steps[0].relation = relation;
    program.steps[0].assignments[0].value = column(read, subtotal);
    return key_of(program).digest;
  };
  CHECK(joined(2) != joined(3));
}

TEST_CASE("the same value for another column is another meaning") {
  const auto changed = changed_by([](Program& p) { p.steps[0].assignments[0].column = tax; });
  CHECK(changed == Names{"meaning"});
}

TEST_CASE("the schema of touched columns counts, of others not") {
  CHECK(changed_by([](Program& p) { p.catalogues[0].tables[0].columns[total].type.nullable = false; }) == Names{"schema"});
  CHECK(changed_by([](Program& p) { p.catalogues[0].tables[0].columns[total].declared = "TEXT"; }) == Names{"schema"});
  CHECK(changed_by([](Program& p) { p.catalogues[0].tables[0].columns[subtotal].storage = Storage::decimal_text; }) == Names{"schema"});
  CHECK(changed_by([](Program& p) { p.catalogues[0].tables[0].columns[id].declared = "BIGINT"; }) == Names{"schema"});
  CHECK(changed_by([](Program& p) { p.catalogues[0].tables[0].columns[tax].declared = "TEXT"; }).empty());
  CHECK(changed_by([](Program& p) { p.catalogues[0].tables[1].columns[1].declared = "TEXT"; }).empty());
}

TEST_CASE("layout, positions, names and the step's place change nothing") {
  CHECK(changed_by([](Program& p) {
          p.steps[0].span = {5, 9, 0};
          p.steps[0].assignments[0].span = {7, 8, 0};
          p.sources[0].url = "sqlite:elsewhere.db";
          p.steps[1].assertions[0].text = "0==0";
        }).empty());
}

TEST_CASE("what describes or paces changes `pacing` alone") {
  CHECK(changed_by([](Program& p) { p.owner = "somebody else"; }) == Names{"pacing"});
  CHECK(changed_by([](Program& p) { p.steps[0].chunk_rows = 100; }) == Names{"pacing"});
  CHECK(changed_by([](Program& p) { p.steps[0].doc = "why"; }) == Names{"pacing"});
  CHECK(changed_by([](Program& p) { p.steps[0].expectations.push_back({.bound = program::Bound::at_most, .rows = 5}); }) == Names{"pacing"});
  CHECK(changed_by([](Program& p) { p.steps[1].assertions[0].message = "other words"; }, 1) == Names{"pacing"});
}

TEST_CASE("another walk or route is told apart, but repeats no finished step") {
  CHECK(changed_by([](Program& p) { p.steps[0].walk = {subtotal}; }) == Names{"walk"});
  CHECK(changed_by([](Program& p) { p.steps[0].route = program::Route::sealed; }) == Names{"walk"});
}

TEST_CASE("another database is another target, and one without identity has no key") {
  const Program program = job();
  const auto one = key_of(program, 0, "one"), two = key_of(program, 0, "two"), none = key_of(program, 0, "");
  CHECK(one.digest != two.digest);
  CHECK(one.components[2].digest != two.components[2].digest);
  CHECK(none.components[2].digest.empty());
  CHECK(none.digest.empty());
}

TEST_CASE("only the databases that a step touches are in its key") {
  Program program = job();
  program.sources.push_back({"other", "sqlite:other.db", "sqlite:other.db", {}});
  program.catalogues.push_back(program.catalogues[0]);
  const auto key = plan::memo_keys(program, {"one", "two"})[0];
  CHECK(key.digest == plan::memo_keys(program, {"one", "three"})[0].digest);
  CHECK(key.components[2].shown == "shop");
  program.steps[0].reads.insert({{1, 0}, 0});
  CHECK(plan::memo_keys(program, {"one", "two"})[0].components[2].shown == "shop, other");
}

TEST_CASE("the keys of 10,000 steps take a fraction of a second") {
  Program program = shop();
  for (int i = 0; i < 10'000; ++i) {
    program.steps.push_back(update("s" + std::to_string(i), total, subtotal));
    program.steps.back().relation = rows_of(orders, 1, compare(program::CompareOp::equal, column(1, id), literal(i)));
  }
  plan::memo_keys(shop(), {"identity"});  // the digest's library is loaded once
  const std::clock_t start = std::clock();  // of this process: a busy machine makes nothing slower
  const auto keys = plan::memo_keys(program, {"identity"});
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  CHECK(keys.size() == 10'000);
  CHECK(keys[0].digest != keys[1].digest);
  MESSAGE("seconds: " << seconds);
  CHECK(seconds < 1.0);
}
