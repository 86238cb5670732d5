// Which columns a step reads and writes, whether it is safe to repeat, and which route follows.
#include <doctest/doctest.h>

#include "tests/unit/shop.h"

using namespace bfl;
using program::Idempotence;
using program::Route;
using test::check_job;

namespace {

std::string uses(const program::Program& program, const std::set<program::ColumnUse>& all) {
  std::string text;
  for (const auto& use : all)
    text += (text.empty() ? "" : " ") + program.table(use.table).name + "." + (use.column < 0 ? "*" : program.table(use.table).columns[static_cast<std::size_t>(use.column)].name);
  return text;
}

struct Class { Idempotence idempotence; Route route; friend bool operator==(const Class&, const Class&) = default; };
Class kind(const std::string& script) {
  const auto job = check_job("use std.text\nuse std.math\n" + script);
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  return {job->step().idempotence, job->step().route};
}
bool refused(const std::string& script) { return check_job("use std.text\nuse std.math\n" + script)->has(Code::not_idempotent); }

constexpr Class convergent{Idempotence::convergent, Route::direct}, guarded{Idempotence::guarded, Route::direct}, staged{Idempotence::staged, Route::sealed},
    sealed{Idempotence::convergent, Route::sealed};

}  // namespace

TEST_CASE("reads and writes are known to the column, rows are a column of their own") {
  const auto job = check_job("update u of shop.orders join one shop.customers as c on c.id == customer_id where tax > 0 { set note = c.name }");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(uses(job->program, job->step().reads) == "customers.* customers.id customers.name orders.* orders.id orders.customer_id orders.tax");
  CHECK(uses(job->program, job->step().writes) == "orders.note");
}

TEST_CASE("constraints are reads") {
  const auto child = check_job("update u of shop.orders { set customer_id = 1 }");
  CHECK(uses(child->program, child->step().reads) == "customers.* customers.id orders.* orders.id");
  const auto unique = check_job("update u of shop.products { set sku = \"x\" }");
  CHECK(uses(unique->program, unique->step().reads) == "products.* products.id products.sku");
}

TEST_CASE("checks read what their relations read") {
  const auto job = check_job("let n = shop.lines group by order_id { n = count() }\ncheck c { assert max(n from n where order_id > 5) < 10 }");
  CHECK(uses(job->program, job->step().reads) == "lines.* lines.order_id");
  CHECK(job->step().writes.empty());
}

TEST_CASE("who reads a view depends on everything that the job writes") {
  const auto job = check_job("update u of shop.orders { set tax = 1 }\nverify v { assert exists(shop.totals where total > 1) }");
  CHECK(uses(job->program, job->step(1).reads).find("orders.tax") != std::string::npos);
}

TEST_CASE("values that do not read what the step writes converge") {
  CHECK(kind("update u of shop.orders where total != subtotal + tax { set total = subtotal + tax }") == convergent);
  CHECK(kind("update u of shop.orders where country == null join one shop.customers as c on c.id == customer_id { set country = c.country }") == convergent);
  CHECK(kind("update u of shop.orders as o { set line_count = count(shop.lines where order_id == o.id) }") == convergent);
}

TEST_CASE("a row that reads itself is guarded, to be proved when it runs") {
  CHECK(kind("update u of shop.orders where total == subtotal { set total = total + tax }") == guarded);
  CHECK(kind("update u of shop.customers { set email = lower(trim(email)) }") == guarded);
  CHECK(kind("update u of shop.orders { set note = note ?? \"none\" }") == guarded);
  CHECK(kind("update u of shop.orders { set total = case { total == subtotal => total + tax, else => total } }") == guarded);
}

TEST_CASE("a guarded step may read rows that it does not write, to be proved as well") {
  CHECK(kind("update u of shop.orders where note != null where customer_id in (id from shop.customers) { set note = lower(note) }") == guarded);
  CHECK(kind("update u of shop.orders where total == subtotal join one shop.customers as c on c.id == customer_id where c.country == \"DE\" { set total = total + tax }") == guarded);
  CHECK(kind("update u of shop.orders join one shop.products as p on p.sku == note { set note = p.name }") == guarded);
  CHECK(kind("update u of shop.orders as o where exists(shop.orders where id == o.id - 1) { set note = lower(note) }") == guarded);
  CHECK(kind("update u of shop.orders as o where exists(shop.orders where note == o.note) { set note = lower(note) }") == staged);
  CHECK(refused("update u of shop.orders derive { place = row_number() over (order by id) } where place < 3 { set note = lower(note) }"));
  CHECK(refused("update u of shop.orders where customer_id in (id from shop.customers) { set line_count = line_count + 1 }"));
}

TEST_CASE("what visibly changes twice is an error with its ways out") {
  CHECK(refused("update u of shop.orders { set line_count = line_count + 1 }"));
  CHECK(refused("update u of shop.products { set price = round(price * 1.1, 2) }"));
  CHECK(refused("update u of shop.orders where tax > 0 { set total = (total ?? 0) + tax }"));
  CHECK(refused("fn more(n: int) -> int = n + 1\nupdate u of shop.orders { set line_count = more(line_count) }"));
  CHECK(refused("update u of shop.orders derive { next = line_count + 1 } { set line_count = next }"));
  CHECK(refused("update u of shop.orders where note == null order by id limit 5 { set note = \"x\" }"));
  const auto job = check_job("update u of shop.orders { set line_count = line_count + 1 }");
  CHECK(job->first(Code::not_idempotent)->help == "make the `where` false once the change is made, or say `once`");
}

TEST_CASE("values of other rows that the step changes are computed first") {
  CHECK(kind("update u of shop.orders as o { set line_count = count(shop.orders where line_count > o.id) }") == staged);
  CHECK(kind("update u of shop.orders as o where not exists(shop.orders where note != null and id < o.id) { set note = \"x\" }") == staged);
  CHECK(kind("update u of shop.orders join optional shop.orders as p on p.id == id - 1 { set note = p.note }") == staged);
  CHECK(kind("update u of shop.orders join optional shop.orders as p on p.id == id - 1 { set note = p.country }") == convergent);
  CHECK(kind("update u of shop.orders join one shop.totals as t on t.id == id { set total = t.total }") == staged);
  const auto once = check_job("update u of shop.orders as o { set note = first(note from shop.orders where id < o.id order by id desc) once }");
  CHECK(once->step().idempotence == Idempotence::staged);
  CHECK(once->step().once);
}

TEST_CASE("the route follows from what has to be decided before the first write") {
  CHECK(kind("update u of shop.products { set price = price * 1.1 once }") == Class{Idempotence::once, Route::sealed});
  CHECK(kind("update u of shop.orders { set note = \"x\" expect changed == 5 }") == sealed);
  CHECK(kind("update u of shop.orders { set note = \"x\" expect changed <= 5 }") == convergent);
  CHECK(kind("update u of shop.orders order by id limit 5 { set note = \"x\" }") == sealed);
  CHECK(kind("let n = shop.lines group by order_id { n = count() }\nupdate u of shop.orders join optional n as n on n.order_id == id { set line_count = n.n ?? 0 }") == sealed);
  CHECK(kind("update u of shop.products { set id = 5 }") == sealed);
  CHECK(kind("update u of shop.orders { set note = \"x\" atomic }") == Class{Idempotence::convergent, Route::whole});
  for (const char* script : {"update u of shop.orders { set note = \"x\" }", "update u of shop.orders { set note = \"x\" atomic }"}) CHECK(!check_job(script)->step().route_reason.empty());
}

TEST_CASE("a step is row-local when it reads its own row only") {
  CHECK(check_job("update u of shop.orders where tax > 0 { set note = \"x\" }")->step().row_local);
  CHECK(!check_job("update u of shop.orders where exists(shop.lines) { set note = \"x\" }")->step().row_local);
  CHECK(!check_job("update u of shop.orders join one shop.customers as c on c.id == customer_id { set note = c.name }")->step().row_local);
}
