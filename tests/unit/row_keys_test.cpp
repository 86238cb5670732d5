// Which rows the keys of their tables keep apart, so that nobody has to remember them to find two under one key.
#include <doctest/doctest.h>

#include "interpreter/check/row_keys.h"
#include "tests/unit/shop.h"

using namespace bfl;

namespace {

// Whether the rows of the relation are known to differ in what stands behind `once per`.
bool differ(const std::string& rows, const std::string& per) {
  const auto job = test::check_job("insert i into shop.heap from " + rows + " { set a = \"a\" set b = \"b\" once per " + per + " }");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  return check::rows_differ(job->program, *job->step().relation, job->step().once_per);
}

}  // namespace

TEST_CASE("rows differ in the whole integer key of their table, and in no part of it") {
  CHECK(differ("shop.customers", "id"));
  CHECK(differ("shop.customers where country == \"DE\" derive { n = length(name) }", "name, id"));
  CHECK(differ("shop.lines", "order_id, position"));
  CHECK_FALSE(differ("shop.lines", "order_id"));
  CHECK_FALSE(differ("shop.lines", "order_id, quantity"));
  CHECK_FALSE(differ("shop.customers", "id + 0"));
  CHECK_FALSE(differ("shop.customers", "id / 2"));
}

TEST_CASE("texts may be alike to a database, so that a key of texts proves nothing") {
  CHECK_FALSE(differ("shop.`Mixed Case`", "Key"));
  CHECK_FALSE(differ("shop.products", "sku"));
  CHECK_FALSE(differ("shop.heap", "a, b"));
}

TEST_CASE("what is joined once leaves rows apart; what is joined many times has to be told apart as well") {
  CHECK(differ("shop.orders as o join one shop.customers as c on c.id == customer_id", "id"));
  CHECK(differ("shop.orders as o join optional shop.customers as c on c.id == customer_id", "id"));
  CHECK_FALSE(differ("shop.orders as o join many shop.lines as l on l.order_id == o.id", "id"));
  CHECK_FALSE(differ("shop.orders as o join many shop.lines as l on l.order_id == o.id", "id, l.position"));
  CHECK(differ("shop.orders as o join many shop.lines as l on l.order_id == o.id", "id, l.order_id, l.position"));
}

TEST_CASE("rows of a relation that is made of another one are not looked through") {
  CHECK_FALSE(differ("shop.orders group by who = customer_id { n = count() }", "who"));
  CHECK_FALSE(differ("shop.customers order by name limit 5", "id"));
  CHECK_FALSE(differ("(shop.customers keep { id } union (shop.orders keep { id }))", "id"));
  CHECK_FALSE(differ("shop.customers follow many shop.orders as o on o.customer_id == prev.id", "id"));
}
