// What a step over windows, chains and the like reads, and what follows for repeating it.
#include <doctest/doctest.h>

#include "tests/unit/shop.h"

using namespace bfl;
using program::Idempotence;
using program::Route;
using test::check_job;

namespace {

const program::Step& checked(const std::unique_ptr<test::Checked>& job) {
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  return job->step();
}

}  // namespace

TEST_CASE("values from a window are computed once; before the first write when the step changes what it sees") {
  const auto number = check_job("update n of shop.orders { set line_count = row_number() over (partition by customer_id order by created_at) }");
  CHECK(checked(number).idempotence == Idempotence::convergent);
  CHECK(number->step().route == Route::sealed);
  CHECK(number->step().route_reason == "the windows are computed once");
  CHECK(number->step().reads.contains({{0, 2}, 1}));
  CHECK(number->step().reads.contains({{0, 2}, 2}));
  CHECK(to_string(*number->step().assignments[0].value, number->program) == "row_number() over (partition by customer_id order by created_at, id)");

  const auto renumber = check_job("update n of shop.orders { set line_count = row_number() over (order by line_count, id) }");
  CHECK(checked(renumber).idempotence == Idempotence::staged);
  CHECK(renumber->step().route == Route::sealed);

  // The rows that the window sees are chosen by what the step sets.
  const auto chosen = check_job("update n of shop.orders where note == null { set note = f\"{count() over (partition by country)}\" }");
  CHECK(checked(chosen).idempotence == Idempotence::staged);

  const auto from_let = check_job("let r = shop.orders derive { n = row_number() over (order by id) }\nupdate u of r where n == 1 { set note = \"first\" }");
  CHECK(checked(from_let).idempotence == Idempotence::convergent);
}

TEST_CASE("the last row of a chain keeps the first table's rows in hand; what goes along the step's own column is staged") {
  const std::string chain = "let ends = shop.orders follow one shop.orders as h on h.id == prev.line_count where is_last(h)\n";
  const auto other = check_job(chain + "update u of ends { set note = f\"{h.id}\" }");
  CHECK(checked(other).idempotence == Idempotence::convergent);
  CHECK(other->step().route == Route::sealed);
  CHECK(other->step().route_reason == "the chains are computed once");
  CHECK(other->step().target == program::TableRef{0, 2});
  const auto own = check_job(chain + "update u of ends where depth(h) > 0 { set line_count = h.id }");
  CHECK(checked(own).idempotence == Idempotence::staged);
  CHECK(to_string(*own->step().relation, own->program) ==
        "(shop.orders follow one shop.orders as h on h.id == prev.line_count) where is_last(h) where depth(h) > 0");
}

TEST_CASE("relations of every kind read what they are made of") {
  const auto job = check_job(R"(verify v {
    assert count(shop.orders keep { id, t = note } union (shop.customers keep { id, t = email }) distinct) == 0
    assert count(shop.products expand part at i in split(sku, "-") where i == 1 and part != name) == 0
    assert count(shop.lines window g (partition by product_id order by quantity) where rank() over g == 1) == 0
  })");
  const auto& reads = checked(job).reads;
  for (const program::ColumnUse& use : {program::ColumnUse{{0, 2}, 8}, {{0, 0}, 1}, {{0, 1}, 1}, {{0, 1}, 2}, {{0, 3}, 2}, {{0, 3}, 3}, {{0, 3}, -1}})
    CHECK_MESSAGE(reads.contains(use), use.table.table, ".", use.column);
  CHECK_FALSE(reads.contains({{0, 0}, 3}));
}

TEST_CASE("the meaning tells windows, chains, unions and expansions apart") {
  const auto meant = [](const std::string& relation) {
    const auto job = check_job("verify v { assert count(" + relation + ") == 0 }");
    return meaning(checked(job), job->program);
  };
  std::vector<std::string> meanings;
  for (const char* relation :
       {"shop.orders where row_number() over (order by id) == 1", "shop.orders where row_number() over (order by id desc) == 1",
        "shop.orders where rank() over (order by id) == 1", "shop.orders where lag(id) over (order by id) == 1", "shop.orders where lag(id, 2) over (order by id) == 1",
        "shop.orders where sum(id) over (order by id) == 1", "shop.orders where sum(id) over (order by id running) == 1",
        "shop.orders where sum(id) over (partition by country) == 1", "shop.orders follow one shop.orders as h on h.id == prev.line_count",
        "shop.orders follow many shop.orders as h on h.id == prev.line_count", "shop.orders follow one shop.orders as h on h.id == prev.line_count on loop skip",
        "shop.orders follow one shop.orders as h on h.id == prev.line_count on loop stop", "shop.heap union shop.heap", "shop.heap union shop.heap distinct",
        "shop.heap distinct", "shop.heap expand x in [1, 2]", "shop.heap expand x in [1, 3]", "shop.heap group { n = count() }"})
    meanings.push_back(meant(relation));
  for (std::size_t i = 0; i < meanings.size(); ++i)
    for (std::size_t j = i + 1; j < meanings.size(); ++j) CHECK_MESSAGE(meanings[i] != meanings[j], meanings[i]);
  CHECK(meant("shop.orders where row_number() over (order by id) == 1") == meant("shop.orders window g (order by id) where row_number() over g == 1"));
}
