#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "interpreter/report/plan_json.h"
#include "interpreter/report/plan_text.h"
#include "tests/unit/plan_program.h"

using namespace bfl;
using namespace bfl::program::test;
using program::Idempotence;
using program::Route;
using program::StepKind;
using run::DecisionKind;

namespace {

struct Planned {
  program::Program program;
  plan::Plan plan;
  std::vector<run::Preview> previews;

  explicit Planned(program::Program made) : program(std::move(made)) {
    Diagnostics diagnostics;
    plan = plan::make(program, {"identity"}, diagnostics);
    CHECK_FALSE(diagnostics.has_errors());
    previews.resize(program.steps.size());
    for (auto& preview : previews) preview.decision = {DecisionKind::run, "first run", {}, 1};
  }
  std::string text(report::PlanStyle style = {}) const { return report::plan_text(program, plan, previews, style); }
  nlohmann::json json() const { return nlohmann::json::parse(report::plan_document(program, plan, previews)); }
};

program::Program job() {
  auto program = shop();
  program.parameters.push_back({"since", {Kind::date, false, {}}, *parse_date("2025-03-01"), true, {}});
  program.steps = {assertion(StepKind::check, "scope", {-1, total}), update("fix_totals", total, subtotal), assertion(StepKind::verify, "none_left", {-1, total})};
  program.steps[1].relation = rows_of(orders, 1, compare(program::CompareOp::less, column(1, subtotal), column(1, tax)));
  program.steps[1].doc = "The rows that are wrong.";
  program.steps[1].expectations.push_back({.bound = program::Bound::at_most, .rows = 50'000});
  program.steps[2].assertions[0].message.clear();
  return program;
}

Planned measured() {
  Planned planned(job());
  auto& preview = planned.previews[1];
  preview.would_change = 1204;
  preview.table_rows = 2'000'000;
  preview.sql = {R"(UPDATE "orders" SET "total" = bfl_f0a1b2("subtotal", "tax") WHERE "id" > ?3 AND "id" <= ?4 AND "created at" >= ?1 AND "created at" < ?2)"};
  preview.sample = {"id 17: total 10.00 -> 12.00", "id 21: total null -> 7.50"};
  planned.previews[2].decision = {DecisionKind::run, "proves the end state on every run", {}, 1};
  return planned;
}

}  // namespace

TEST_CASE("the plan shows per step what is decided, which rows change, what they become, how and why") {
  const Planned planned = measured();
  const program::Step& step = planned.program.steps[1];
  const std::string rows = program::to_string(*step.relation, planned.program), value = program::to_string(*step.assignments[0].value, planned.program);
  REQUIRE(rows.size() < 80);
  CHECK(planned.text() == fmt::format(R"(plan of fix_order_totals
    why       Tax was left out of the totals of orders written from 1 to 9 March 2025.
    owner     payments-data@example.com
    ticket    PAY-1423
    source    shop: sqlite:shop.db
    param     since: date = 2025-03-01 (given)

  check scope
    decision  run: first run
    asserts   count(wrong) == 0
              "more rows than the incident explains"

  update fix_totals
    decision  run: first run
    about     The rows that are wrong.
    changes   shop.orders
    rows      {}
    become    total = {}
    count     1,204 rows of about 2,000,000 would change
    sample    id 17: total 10.00 -> 12.00
              id 21: total null -> 7.50
    safe      convergent: the new values do not read what the step writes
    route     direct: the values do not depend on what the step writes
    walk      by id, in chunks sized as it goes
    expects   at most 50,000 rows changed
    after     scope, because scope reads shop.orders.total before fix_totals writes it
    locks     the database for writing, until its chunk is committed; others read on
    sql       UPDATE "orders" SET "total" = bfl_f0a1b2("subtotal", "tax") WHERE "id" > ?3 AND "id"
                <= ?4 AND "created at" >= ?1 AND "created at" < ?2

  verify none_left
    decision  run: proves the end state on every run
    asserts   count(wrong) == 0
    after     fix_totals, because fix_totals writes shop.orders.total, which none_left reads

3 steps: 2 to run, 1 to verify; 1,204 rows would change, and this changed nothing
)", rows, value));
}

TEST_CASE("rows that the database does not take are told with what the run would do about them") {
  Planned planned = measured();
  run::Preview& preview = planned.previews[1];
  for (const char* row : {"id = 1", "id = 2", "id = 3", "id = 4"}) preview.refusals.add({ErrorClass::data, "the database refused: CHECK constraint failed: small", {}, {}, row});
  preview.refusals.add({ErrorClass::data, "`orders.kind` refers to no row of `kinds`", {}, {}, "id = 9"});
  preview.refusals.untried = {"rows of `orders` lie in other tables"};
  const auto says = [&](std::string_view part) { return planned.text({.width = 200}).find(part) != std::string::npos; };
  CHECK(says("refused   5 rows that the database does not take: the run would stop at the chunk with the first of them\n"
             "              4 rows: CHECK constraint failed: small (id = 1; id = 2; id = 3; …)\n"
             "              1 row: `orders.kind` refers to no row of `kinds` (id = 9)\n"
             "    untried   constraints of the table: rows of `orders` lie in other tables\n"));
  CHECK(says("rows-refused: the run would stop here: 5 rows that the database does not take"));
  planned.program.steps[1].quarantine = 5;
  CHECK(says("5 rows that the database does not take: the run would set them aside"));
  CHECK_FALSE(says("rows-refused"));
  preview.set_aside_before = 2;
  CHECK(says("2 rows in quarantine, which are not tried again"));
  CHECK(says("the run would set 3 aside, and stop at the next"));
  const auto told = planned.json()["steps"][1]["refused_rows"];
  CHECK(told["rows"] == 5);
  CHECK(told["set_aside"] == 3);
  CHECK(told["stops"] == true);
  CHECK(told["reasons"][0]["keys"].size() == 3);
  preview.refusals.all = false;
  CHECK(says("at least 5 rows that the database does not take"));
  preview.refusals.before_all = true;
  CHECK(says("the run would not begin with the step"));
}

TEST_CASE("reasons that hold values of the rows do not grow without end") {
  run::Refusals refusals;
  for (int i = 0; i < 100; ++i) refusals.add({ErrorClass::data, fmt::format("`x{}` is no number", i)});
  CHECK(refusals.reasons.size() == run::Refusals::most_reasons);
  CHECK(refusals.reasons.back().text == "other reasons");
  CHECK(refusals.rows() == 100);
}

TEST_CASE("a finished step is shown in short, and a plan of finished steps has nothing to change") {
  Planned planned = measured();
  planned.previews[0].decision = {DecisionKind::reuse, "passed before, and nothing of it changed", {}, 1};
  planned.previews[1].decision = {DecisionKind::reuse, "finished as generation 1, and nothing of it changed", {}, 1};
  const std::string text = planned.text();
  CHECK(text.find("decision  reuse: finished as generation 1, and nothing of it changed") != std::string::npos);
  CHECK(text.find("sql ") == std::string::npos);
  CHECK(text.find("sample ") == std::string::npos);
  CHECK(text.ends_with("\n3 steps: 2 finished before, 1 to verify; nothing to change\n"));
}

TEST_CASE("a step that stops says what to do") {
  Planned planned = measured();
  planned.previews[1].decision = {DecisionKind::stop, "`meaning` changed after generation 1, unfinished, had changed 5 rows", {"meaning"}, 1};
  const std::string text = planned.text();
  CHECK(text.find("decision  stop: `meaning` changed after generation 1, unfinished, had changed 5 rows\n"
                  "    to go on  `bfl run --accept fix_totals` takes the new body for the rows that are left\n") != std::string::npos);
  CHECK(text.find("1 edited, so that the run would stop") != std::string::npos);
  planned.previews[1].decision.acceptable = false;
  CHECK(planned.text().find("to go on  put the old text back and run") != std::string::npos);
}

TEST_CASE("each class, route, walk and bound has its words") {
  auto program = job();
  program.steps = {update("a", total, total), update("b", tax, tax, orders), update("c", 1, 1, lines)};
  program.steps[0].idempotence = Idempotence::guarded, program.steps[0].chunk_rows = 500;
  program.steps[1].idempotence = Idempotence::staged, program.steps[1].route = Route::sealed, program.steps[1].walk.clear();
  program.steps[1].expectations = {{.bound = program::Bound::at_least, .rows = 1}, {.bound = program::Bound::exactly, .rows = 7}};
  program.steps[2].idempotence = Idempotence::once, program.steps[2].route = Route::whole, program.steps[2].route_reason.clear();
  Planned planned(std::move(program));
  planned.previews[0].proof = "the second pass over 20 rows changed none";
  planned.previews[0].would_change = 10;
  const std::string text = planned.text();
  for (const char* line : {"safe      guarded: the `where` is false once the change is made\n    proof     the second pass over 20 rows changed none\n",
                           "walk      by id, 500 rows a chunk\n", "safe      staged: the new values are computed and kept before the first row changes\n",
                           "walk      by rowid, in chunks sized as it goes\n    expects   at least 1 row changed\n              exactly 7 rows changed\n",
                           "safe      once: the ledger makes each row change once\n    route     whole\n    walk      by id, all in one transaction\n",
                           "3 steps: 3 to run; at least 10 rows would change, and this changed nothing\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, line);
}

TEST_CASE("a plan that could not be measured still shows what is known") {
  Planned planned = measured();
  planned.previews.clear();
  const std::string text = planned.text();
  CHECK(text.find("decision") == std::string::npos);
  CHECK(text.find("safe      convergent") != std::string::npos);
}

TEST_CASE("lines end before the width, and statements are not broken inside quotes") {
  Planned planned = measured();
  planned.program.why = std::string("a long story ") + std::string(30, 'x') + " that " + std::string(60, 'y') + " goes on";
  planned.previews[1].sql = {"UPDATE \"a very long name of a table with many words in it that goes on and on\" SET \"x\" = 'it''s   so'"};
  const std::string text = planned.text({false, 60});
  CHECK(text.find("\"a very long name of a table with many words in it that goes on and on\"") != std::string::npos);
  CHECK(text.find("'it''s   so'") != std::string::npos);
  std::size_t longest = 0;
  const std::string head = text.substr(0, text.find("owner"));
  for (std::size_t at = 0, end = 0; (end = head.find('\n', at)) != std::string::npos; at = end + 1) longest = std::max(longest, end - at);
  CHECK(longest <= 60 + 16);  // the word of 60 letters stands alone
}

TEST_CASE("a relation that is too long for a line has a clause a line") {
  auto program = job();
  auto relation = std::make_shared<program::Relation>(*program.steps[1].relation);
  auto skip = relation->filters[0];
  skip.skip = true;
  skip.reason = "a reason of several words, where one is `where`";
  relation->filters = {relation->filters[0], skip, relation->filters[0]};
  program.steps[1].relation = relation;
  const std::string whole = program::to_string(*relation, program);
  const std::string text = Planned(std::move(program)).text();
  const std::size_t from = text.find("    rows ");
  CHECK_MESSAGE(text.substr(from, text.find("    become") - from) == R"(    rows      shop.orders
              where subtotal < tax
              skip where subtotal < tax "a reason of several words, where one is `where`"
              where subtotal < tax
)", whole);
}

TEST_CASE("values that would steer the terminal are shown instead") {
  Planned planned = measured();
  planned.previews[1].sample = {"id 1: name a\x1b[2J\x07 -> b"};
  const std::string text = planned.text();
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("id 1: name a\\x1b[2J\\x07 -> b") != std::string::npos);
  CHECK(planned.text({true, 100}).find("\x1b[1m") != std::string::npos);
}

TEST_CASE("the plan as JSON holds the fields that its header documents") {
  const Planned planned = measured();
  const auto document = planned.json();
  CHECK(document["schema_version"] == 1);
  CHECK(document["job"] == "fix_order_totals");
  CHECK(document["sources"] == nlohmann::json::parse(R"([{"name": "shop", "url": "sqlite:shop.db"}])"));
  CHECK(document["parameters"] == nlohmann::json::parse(R"([{"name": "since", "type": "date", "value": "2025-03-01", "given": true}])"));
  CHECK(document["summary"] == nlohmann::json::parse(R"({"steps": 3, "run": 3, "resume": 0, "reuse": 0, "stop": 0, "would_change": 1204, "fails": []})"));
  REQUIRE(document["steps"].size() == 3);
  const auto& step = document["steps"][1];
  CHECK(step["step"] == "fix_totals");
  CHECK(step["kind"] == "update");
  CHECK(step["decision"] == "run");
  CHECK(step["reason"] == "first run");
  CHECK(step["generation"] == 1);
  CHECK(step["changed_components"].empty());
  CHECK(step["memo_key"] == planned.plan.steps[1].key.digest);
  CHECK(step["key_components"]["meaning"] == planned.plan.steps[1].key.components[0].digest);
  CHECK(step["table"] == "shop.orders");
  CHECK(step["set"][0]["column"] == "total");
  CHECK(step["class"] == "convergent");
  CHECK(step["route"] == "direct");
  CHECK(step["walk"] == nlohmann::json::parse(R"(["id"])"));
  CHECK(step["expect"] == nlohmann::json::parse(R"([{"of": "changed", "bound": "at_most", "rows": 50000}])"));
  CHECK(step["would_change"] == 1204);
  CHECK(step["sample"].size() == 2);
  CHECK(step["sql"].size() == 1);
  CHECK_FALSE(step.contains("chunk_rows"));
  CHECK(document["steps"][0]["asserts"] == nlohmann::json::parse(R"([{"text": "count(wrong) == 0", "message": "more rows than the incident explains"}])"));
  CHECK(document["edges"][0] == nlohmann::json::parse(R"({"from": "scope", "to": "fix_totals", "kind": "reads_then_writes", "column": "shop.orders.total",
    "reason": "scope reads shop.orders.total before fix_totals writes it"})"));
}

TEST_CASE("bytes that are no UTF-8 do not break the JSON") {
  Planned planned = measured();
  planned.previews[1].sample = {"id 1: name \xff -> b"};
  CHECK(planned.json()["steps"][1]["sample"][0] == "id 1: name \xEF\xBF\xBD -> b");
}
