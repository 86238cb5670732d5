// Names, types, relations and steps: what is accepted, what it becomes, and above all what is said about what is wrong.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cstdlib>

#include "tests/unit/shop.h"

using namespace bfl;
using test::check_job;

namespace {

// The message of the first diagnostic with that code, or everything that was said instead.
std::string said(const test::Checked& job, Code code) {
  const Diagnostic* found = job.first(code);
  return found ? found->message : "something else: " + job.drawn();
}
std::string helped(const test::Checked& job, Code code) {
  const Diagnostic* found = job.first(code);
  return found ? found->help : "something else: " + job.drawn();
}
std::string rows(const test::Checked& job, std::size_t step = 0) { return to_string(*job.step(step).relation, job.program); }
std::string value(const test::Checked& job, std::size_t assignment = 0) { return to_string(*job.step().assignments.at(assignment).value, job.program); }
std::string set(const std::string& what) { return "use std.text\nuse std.math\nuse std.time\nuse std.json\nupdate u of shop.orders as o { set " + what + " }"; }
std::string asserted(const std::string& what) { return "use std.text\nuse std.math\nverify v { assert " + what + " }"; }

}  // namespace

TEST_CASE("a whole job becomes a program without names") {
  const auto job = check_job(R"(job fix {
  owner "a@example.com" ticket "T-1" why "w"
}
param since: date = 2025-03-01
source shop = sqlite("shop.db")
let wrong = shop.orders where created_at >= since where total != subtotal + tax
check scope { assert count(wrong) <= 50_000 "too many" }
# Adds the tax.
update fix of wrong { set total = subtotal + tax expect changed <= 50_000 chunk 5_000 by id after scope }
verify none { assert count(wrong) == 0 })");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(job->diagnostics.all().empty());
  CHECK(job->program.job == "fix");
  CHECK(job->program.owner == "a@example.com");
  CHECK(job->program.ticket == "T-1");
  REQUIRE(job->program.steps.size() == 3);
  const auto& fix = job->step(1);
  CHECK(fix.doc == "Adds the tax.");
  CHECK(rows(*job, 1) == "shop.orders where created_at >= 2025-03-01T00:00:00Z where total != subtotal + tax");
  CHECK(fix.chunk_rows == 5000);
  CHECK(fix.walk == std::vector<int>{0});
  CHECK(fix.after == std::vector<std::size_t>{0});
  REQUIRE(fix.expectations.size() == 1);
  CHECK(fix.expectations[0].rows == 50'000);
  CHECK(job->step(0).assertions.at(0).text == "count(wrong) <= 50_000");
  CHECK(job->step(0).assertions.at(0).message == "too many");
}

TEST_CASE("several mistakes are reported in one go, and none twice") {
  const auto job = check_job(R"(let a = shop.order where x == 1
let b = a where y > 2
update u of b { set total = z }
update w of shop.orders where subtotl > 1 { set totl = subtotl + 1 set note = lowr(note) }
verify v { assert count(a) + nothing == 0 })");
  CHECK(job->diagnostics.errors() == 6);
  CHECK(said(*job, Code::unknown_table) == "`shop` has no table `order`");
  CHECK(helped(*job, Code::unknown_table) == "did you mean `orders`?");
  CHECK(helped(*job, Code::unknown_column) == "did you mean `total`?");
  CHECK(helped(*job, Code::unknown_function) == "did you mean `lower`?");
}

TEST_CASE("a bare name is a column of the current row only") {
  SUBCASE("a joined column needs its alias") {
    const auto job = check_job("update u of shop.orders join one shop.customers as c on c.id == customer_id { set note = email }");
    CHECK(helped(*job, Code::unknown_name) == "a bare name is a column of the current row: write `c.email`");
  }
  SUBCASE("an enclosing row needs an alias") {
    const auto job = check_job("update u of shop.orders { set line_count = count(shop.lines where order_id == customer_id) }");
    CHECK(said(*job, Code::unknown_name) == "`customer_id` is a column of the enclosing row, which has no alias");
  }
  SUBCASE("and is seen through it") {
    const auto job = check_job("update u of shop.orders as o { set line_count = count(shop.lines where order_id == o.id) }");
    CHECK_MESSAGE(value(*job) == "count(shop.lines where order_id == o.id)", job->drawn());
  }
  SUBCASE("in an assertion there is no row") {
    CHECK(said(*check_job("verify v { assert total == 0 }"), Code::unknown_name) == "unknown name `total`: there is no row here");
  }
  SUBCASE("a relation is no value") {
    CHECK(helped(*check_job("let a = shop.orders\nverify v { assert a == 0 }"), Code::unknown_name) == "write `count(a)`, `exists(a)` or `sum(COLUMN from a)`");
    CHECK(helped(*check_job("verify v { assert shop.orders == 0 }"), Code::unknown_name).find("count(shop.orders)") != std::string::npos);
  }
}

TEST_CASE("a name that is both a column and a parameter is an error") {
  const auto job = check_job("param tax: decimal = 0.2\nupdate u of shop.orders { set total = subtotal + tax }");
  CHECK(said(*job, Code::ambiguous_name) == "`tax` is both a column and a parameter");
  CHECK(!check_job("param tax: decimal = 0.2\nupdate u of shop.orders as o { set total = subtotal + o.tax }\nverify v { assert tax > 0.1 }")->diagnostics.has_errors());
}

TEST_CASE("a column compared with itself is an error") {
  CHECK(check_job("update u of shop.orders where country == country { set note = \"x\" }")->has(Code::self_comparison));
  CHECK(check_job("update u of shop.orders join one shop.customers as c on id == id { set note = c.name }")->has(Code::self_comparison));
  CHECK(!check_job("update u of shop.orders where nullif(country, country) == null { set note = \"x\" }")->diagnostics.has_errors());
}

TEST_CASE("a name is defined once") {
  CHECK(said(*check_job("let a = shop.orders\nlet a = shop.lines"), Code::duplicate_name) == "`a` is defined already");
  CHECK(check_job("verify v { assert true }\nverify v { assert true }")->has(Code::duplicate_name));
  CHECK(check_job("fn f(a: int) -> int = a\nfn f(b: int) -> int = b")->has(Code::duplicate_name));
  CHECK(check_job("fn f(a: int, a: int) -> int = a")->has(Code::duplicate_name));
  CHECK(check_job("fn count(a: int) -> int = a")->has(Code::duplicate_name));
  CHECK(check_job("update u of shop.orders derive { total = 1 } { set note = \"x\" }")->has(Code::duplicate_name));
  CHECK(check_job("update u of shop.orders as o join one shop.customers as o on o.id == 1 { set note = \"x\" }")->has(Code::duplicate_name));
  CHECK(!check_job("fn f(a: int) -> int = a\nfn f(b: text) -> text = b\nverify v { assert f(1) == 1 and f(\"x\") == \"x\" }")->diagnostics.has_errors());
}

TEST_CASE("a file declares one job") {
  auto missing = check_job("# a file without a job \nsource shop = sqlite(\"shop.db\")\nverify v { assert true }");
  CHECK(missing->has(Code::no_job));
  CHECK(check_job("job a { why \"x\" }\njob b { why \"y\" }")->has(Code::duplicate_name));
  CHECK(check_job("job a { why \"x\" why \"y\" }")->has(Code::repeated_clause));
  CHECK(check_job("job a { why 5 }")->has(Code::not_constant));
}

TEST_CASE("parameters are typed, given on the command line and parsed by type") {
  check::Settings settings;
  settings.parameters = {{"since", "2025-02-01"}, {"n", "1_000"}, {"list", "1, 2"}, {"name", "x'; DROP TABLE t;--"}, {"maybe", "null"}};
  const auto job = check_job(
      "param since: date\nparam n: int = 5\nparam list: [int] = [7]\nparam name: text\nparam maybe: int? = 3\nparam unset: decimal = 1\n"
      "verify v { assert exists(shop.orders where created_at >= since and id in list and id < n and note == name and id != maybe and tax > unset) }",
      settings);
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(to_string(*job->step().assertions[0].condition, job->program) ==
        R"(exists(shop.orders where created_at >= 2025-02-01T00:00:00Z and id in [1, 2] and id < 1000 and note == "x'; DROP TABLE t;--" and id != null and tax > 1.0))");
  CHECK(job->program.parameters[0].given);
  CHECK(!job->program.parameters[5].given);

  settings.parameters = {{"n", "abc"}};
  CHECK(said(*check_job("param n: int = 5", settings), Code::invalid_literal) == "--set n: `abc` is not an int, expected a value like `42`");
  settings.parameters = {{"m", "1"}};
  CHECK(helped(*check_job("param n: int = 5", settings), Code::unknown_parameter) == "did you mean `n`?");
  CHECK(helped(*check_job("param n: int"), Code::missing_parameter) == "give it: `--set n=…`");
  CHECK(check_job("param n: int = \"x\"")->has(Code::type_mismatch));
  CHECK(check_job("param n: int = 1 + 2")->has(Code::not_constant));
  CHECK(!check_job("param n: timestamp = now()\nverify v { assert n > 2020-01-01 }")->diagnostics.has_errors());
  CHECK(helped(*check_job("param n: integer = 1"), Code::unknown_type) == "did you mean `int`?");
  CHECK(check_job("param n: int = null")->has(Code::type_mismatch));
}

TEST_CASE("definitions cannot use themselves") {
  CHECK(check_job("let a = b\nlet b = a\nverify v { assert count(a) == 0 }")->has(Code::recursive_definition));
  CHECK(check_job("fn f(n: int) -> int = f(n - 1) + 1\nverify v { assert f(3) == 3 }")->has(Code::recursive_definition));
  CHECK(check_job("fn f(n: int) -> int = g(n)\nfn g(n: int) -> int = f(n)\nverify v { assert f(3) == 3 }")->has(Code::recursive_definition));
  CHECK(check_job("let a = shop.orders where exists(a)\nverify v { assert count(a) == 0 }")->has(Code::recursive_definition));
}

TEST_CASE("calls of a function whose declaration is wrong are silent") {
  const auto job = check_job("fn f(x: texxt) -> text = x\nverify v { assert f(\"a\") == \"a\" }");
  CHECK(job->diagnostics.errors() == 1);
  CHECK(job->has(Code::unknown_type));
}

TEST_CASE("a module that is not used is named by the help") {
  CHECK(!check_job("update u of shop.customers { set email = lower(email) }")->diagnostics.has_errors());
  CHECK(!check_job("use std.text\nupdate u of shop.customers { set email = lower(email) }")->diagnostics.has_errors());
  CHECK(!check_job("fn lower(s: text) -> int = length(s)\nupdate u of shop.orders { set line_count = lower(country ?? \"\") }")->diagnostics.has_errors());
  CHECK(helped(*check_job("use std.txt"), Code::unknown_module) == "did you mean `std.text`?");
  CHECK(!check_job("verify v { assert not exists(shop.customers where blank(name)) }")->diagnostics.has_errors());
}

TEST_CASE("arithmetic widens numbers and refuses what has no meaning") {
  CHECK(value(*check_job(set("total = id + 1.5"))) == "o.id + 1.5");
  CHECK(check_job(set("total = 7 / 2"))->step().assignments.at(0).value->type.kind == Kind::decimal);
  const auto mismatch = check_job(set("note = \"order \" + id"));
  CHECK(said(*mismatch, Code::type_mismatch) == "cannot add text and int");
  CHECK(mismatch->first(Code::type_mismatch)->labels.size() == 2);
  CHECK(value(*check_job(set("note = f\"order {id} of {created_at}\""))) == "\"order \" + to_text(o.id) + \" of \" + to_text(o.created_at)");
  CHECK(check_job(set("line_count = created_at + 1"))->has(Code::type_mismatch));
  CHECK(check_job(set("created_at = o.created_at + \"x\""))->has(Code::type_mismatch));
  CHECK(check_job(asserted("now() - 2h < now() and 2025-03-02 - 2025-03-01 == 24h and -2h < 0s and 2 * 1h == 120m"))->diagnostics.errors() == 0);
  CHECK(check_job(asserted("-9_223_372_036_854_775_808 < 0"))->diagnostics.errors() == 0);
  CHECK(check_job(set("line_count = -country"))->has(Code::type_mismatch));
}

TEST_CASE("comparisons need a common kind") {
  CHECK(helped(*check_job(asserted("exists(shop.orders where created_at >= \"2025-03-01\")")), Code::type_mismatch).find("without quotes") != std::string::npos);
  CHECK(check_job(asserted("exists(shop.orders where created_at >= 2025-03-01)"))->diagnostics.errors() == 0);
  CHECK(check_job(asserted("exists(shop.orders where id == total and id < 1.5)"))->diagnostics.errors() == 0);
  CHECK(check_job(asserted("true < false"))->has(Code::type_mismatch));
  CHECK(check_job(asserted("exists(shop.orders where id == \"1\")"))->has(Code::type_mismatch));
  CHECK(check_job(asserted("count(shop.orders)"))->has(Code::not_boolean));
  CHECK(check_job(asserted("not 1"))->has(Code::not_boolean));
  CHECK(check_job(asserted("1 == 1 and \"x\""))->has(Code::not_boolean));
}

TEST_CASE("membership in lists, arrays and relations") {
  CHECK(!check_job(asserted("1 in [1, 2] and 1 not in (2, 3.5) and \"a\" in split(\"a,b\", \",\") and 1 in (1)"))->diagnostics.has_errors());
  const auto in = check_job("update u of shop.orders where id in (order_id from shop.lines where product_id == 7) { set note = \"x\" }");
  CHECK(rows(*in) == "shop.orders where exists(shop.lines where product_id == 7 where order_id == id)");
  const auto pairs = check_job("update u of shop.lines where (order_id, product_id) not in ((id, customer_id) from shop.orders) { set quantity = 1 }");
  CHECK_MESSAGE(!pairs->diagnostics.has_errors(), pairs->drawn());
  CHECK(check_job("update u of shop.orders where (id, note) in (order_id from shop.lines) { set note = \"x\" }")->has(Code::type_mismatch));
  CHECK(check_job("update u of shop.orders where id in (\"a\", \"b\") { set note = \"x\" }")->has(Code::type_mismatch));
  CHECK(check_job("update u of shop.orders where id in [1, \"b\"] { set note = \"x\" }")->has(Code::type_mismatch));
  CHECK(helped(*check_job("let a = shop.lines\nupdate u of shop.orders where id in a { set note = \"x\" }"), Code::type_mismatch) == "write `in (COLUMN from a)`");
}

TEST_CASE("case unifies its arms and computes its subject once") {
  CHECK(value(*check_job(set("total = case { id > 5 => 1, else => null }"))) == "case { o.id > 5 => 1, else => null }");
  const auto bound = check_job(set("note = case lower(note ?? \"\") { \"a\", \"b\" => \"x\", else => \"y\" }"));
  CHECK(bound->step().assignments.at(0).value->kind == program::ExprKind::bind);
  CHECK(check_job(set("total = case { id > 5 => 1, else => \"x\" }"))->has(Code::type_mismatch));
  CHECK(check_job(set("total = case { id => 1, else => 2 }"))->has(Code::not_boolean));
  CHECK(check_job(set("total = case country { 5 => 1, else => 2 }"))->has(Code::type_mismatch));
  CHECK(!check_job(set("total = case { id > 5 => 1, else => error(\"unexpected\") }"))->diagnostics.has_errors());
}

TEST_CASE("functions are chosen by the kinds of their arguments") {
  CHECK(!check_job(set("total = abs(id) + abs(subtotal) + round(id, 2)"))->diagnostics.has_errors());
  const auto few = check_job(set("note = lower()"));
  CHECK(said(*few, Code::wrong_arguments) == "`lower` takes 1 argument, got 0");
  CHECK(helped(*few, Code::wrong_arguments) == "`lower(s: text) -> text`");
  CHECK(said(*check_job(set("note = lower(5)")), Code::wrong_arguments) == "`lower` does not take (int)");
  CHECK(helped(*check_job(set("note = coalesce(note, \"x\")")), Code::unknown_function) == "write `a ?? b`");
  CHECK(check_job(set("note = substring(note, 1, 2, 3)"))->has(Code::wrong_arguments));
}

TEST_CASE("a function of the script gives null for null unless it takes null") {
  const auto strict = check_job("use std.text\nfn normal(e: text) -> text = lower(trim(e))\nupdate u of shop.orders { set note = normal(country) }");
  CHECK(value(*strict) == "lower(trim(country))");
  const auto asked = check_job("fn f(e: text) -> text = e ?? \"x\"\nupdate u of shop.orders { set note = f(country) }");
  CHECK(value(*asked) == "case { country == null => null, else => country ?? \"x\" }");
  const auto takes = check_job("fn f(e: text?) -> text = e ?? \"x\"\nupdate u of shop.orders { set note = f(country) }");
  CHECK(value(*takes) == "country ?? \"x\"");
  const auto once = check_job("use std.text\nfn twice(e: text) -> text = e + e\nupdate u of shop.orders { set note = twice(lower(country ?? \"\")) }");
  CHECK(once->step().assignments.at(0).value->kind == program::ExprKind::bind);
}

TEST_CASE("a function keeps what it declares") {
  CHECK(said(*check_job("fn f(e: text?) -> text = e"), Code::type_mismatch) == "`f` may give null, declared is text");
  CHECK(said(*check_job("fn f(e: text) -> int = e"), Code::type_mismatch) == "`f` gives a text, declared is int");
  CHECK(check_job("fn f(e: text) -> text = total")->has(Code::unknown_name));
  CHECK(!check_job("param p: int = 1\nfn f(e: int) -> decimal = e + p\nverify v { assert f(1) == 2.0 }")->diagnostics.has_errors());
}

TEST_CASE("a literal pattern is looked at before the run") {
  check::Settings settings;
  settings.pattern_error = [](std::string_view pattern) -> std::optional<std::string> { return pattern == "(" ? std::optional<std::string>("missing )") : std::nullopt; };
  CHECK(said(*check_job(set("note = replace_all(note, \"(\", \"x\")"), settings), Code::bad_pattern) == "the pattern is not valid: missing )");
  CHECK(!check_job(set("note = replace_all(note, \"[a]\", \"x\")"), settings)->diagnostics.has_errors());
}

TEST_CASE("joins see their aliases and prove what is unique") {
  const auto job = check_job("update u of shop.orders join one shop.customers as c on c.id == customer_id { set note = c.name }");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(job->step().relation->inputs[1].at_most_one);
  CHECK(!check_job("update u of shop.orders join one shop.customers as c on c.country == country { set note = c.name }")->step().relation->inputs[1].at_most_one);
  const auto composite = check_job("update u of shop.orders as o join optional shop.lines as l on l.order_id == o.id and l.position == 1 { set line_count = l.quantity ?? 0 }");
  CHECK(composite->step().relation->inputs[1].at_most_one);
  CHECK(composite->step().assignments[0].value->args[0]->type.nullable);
  const auto grouped = check_job("let n = shop.lines group by order_id { n = count() }\nupdate u of shop.orders join optional n as n on n.order_id == id { set line_count = n.n ?? 0 }");
  REQUIRE_MESSAGE(!grouped->diagnostics.has_errors(), grouped->drawn());
  CHECK(grouped->step().relation->inputs[1].at_most_one);
  const auto filtered = check_job("let c = shop.customers where country != \"PT\"\nupdate u of shop.orders join one c as c on c.id == customer_id else skip \"gone\" { set note = c.name }");
  CHECK(filtered->step().relation->inputs[1].at_most_one);
  CHECK(filtered->step().relation->inputs[1].skip_reason == "gone");
  const auto same = check_job("let l = shop.lines where position == 1 keep { id = order_id, quantity }\nupdate u of shop.orders join one l as l using (id) { set line_count = l.quantity }");
  CHECK_MESSAGE(!same->diagnostics.has_errors(), same->drawn());
}

TEST_CASE("joins that cannot be meant") {
  CHECK(helped(*check_job("update u of shop.orders join one shop.customers on 1 == customer_id { set note = \"x\" }"), Code::unknown_name) == "give it an alias: `shop.customers as r`");
  CHECK(helped(*check_job("update u of shop.orders join one shop.customers as c on c.id == customer_id { set note = c.nam }"), Code::unknown_column) == "did you mean `name`?");
  CHECK(check_job("update u of shop.orders join one shop.customers as c on c.id == customer_id { set note = d.name }")->has(Code::unknown_name));
  CHECK(check_job("update u of shop.orders join optional shop.customers as c on c.id == customer_id else skip { set note = c.name }")->has(Code::unknown_clause));
  CHECK(check_job("update u of shop.orders join one shop.customers as c on customer_id { set note = c.name }")->has(Code::not_boolean));
}

TEST_CASE("a group has its keys and its aggregates") {
  const auto job = check_job("let g = shop.orders group by country, late = created_at > 2025-03-01 { n = count(), big = count(where total > 100), s = sum(total), best = first(id where tax > 0 order by total desc), share = sum(tax) / count() } where n > 1\nverify v { assert sum(best from g) > 0 }");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(job->diagnostics.all().empty());
  CHECK(to_string(*job->step().assertions[0].condition, job->program).find("group by country, created_at > 2025-03-01T00:00:00Z { n = count() best = first(id where tax > 0.0 order by total desc, id) }") != std::string::npos);
  CHECK(said(*check_job("let g = shop.orders group by country { t = total }"), Code::aggregate_misplaced) == "`total` may differ from row to row within a group");
  CHECK(check_job("let g = shop.orders group by country { n = sum(country) }")->has(Code::type_mismatch));
  CHECK(check_job("let g = shop.orders group by country { n = first(id) }")->has(Code::order_dependent));
  CHECK(check_job("let g = shop.orders group by country { n = count() } where total > 1")->has(Code::unknown_name));
  CHECK(check_job("update u of shop.orders { set line_count = sum(line_count) }")->has(Code::aggregate_misplaced));
  CHECK(check_job("update u of shop.orders { set line_count = count() }")->has(Code::aggregate_misplaced));
  CHECK(check_job("let g = shop.orders group by id + 1 { n = count() }")->has(Code::unknown_name));
  const auto joined = check_job("let g = shop.lines as l join one shop.products as p on p.id == product_id group by p.name { amount = sum(l.quantity * p.price) name2 = name }\nverify v { assert sum(amount from g) > 0 }");
  CHECK_MESSAGE(!joined->diagnostics.has_errors(), joined->drawn());
}

TEST_CASE("an aggregate over a relation is a value") {
  CHECK(!check_job(asserted("sum(quantity from shop.lines where position > 1) > max(id from shop.orders)"))->diagnostics.has_errors());
  CHECK(!check_job(asserted("every(total == subtotal + tax from shop.orders) and any(tax > 0 from shop.orders)"))->diagnostics.has_errors());
  CHECK(!check_job(asserted("first(name from shop.customers order by id) != last(name from shop.customers order by id desc)"))->diagnostics.has_errors());
  CHECK(check_job(asserted("first(name from shop.customers) == \"x\""))->has(Code::order_dependent));
  CHECK(check_job(asserted("sum(shop.orders) > 1"))->diagnostics.has_errors());
  CHECK(check_job(asserted("count(name from shop.customers) > 1"))->has(Code::wrong_arguments));
  CHECK(check_job(asserted("max(1, 2) > 1"))->has(Code::wrong_arguments));
  CHECK(!check_job(asserted("count(shop.orders group by country { n = count() }) > sum(n from (shop.orders group by country { n = count() } order by n desc limit 3))"))->diagnostics.has_errors());
}

TEST_CASE("a limit needs an order, which ends in the key") {
  CHECK(check_job("update u of shop.orders limit 5 { set note = \"x\" }")->has(Code::order_dependent));
  const auto job = check_job("update u of shop.orders order by total desc limit 5 { set note = \"x\" }");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(rows(*job) == "shop.orders order by total desc, id limit 5");
  CHECK(job->step().route == program::Route::sealed);
  const auto nested = check_job("update u of shop.orders as o join one shop.customers as c on c.id == customer_id order by total limit 5 where c.country == \"DE\" and o.tax > 0 { set note = c.name }");
  REQUIRE_MESSAGE(!nested->diagnostics.has_errors(), nested->drawn());
  CHECK(nested->step().relation->anchored);
  CHECK(check_job("update u of shop.orders order by total limit 0 { set note = \"x\" }")->has(Code::value_out_of_range));
}

TEST_CASE("what is updated is anchored in one table") {
  const auto grouped = check_job("let counted = shop.lines group by order_id { n = count() }\nupdate u of counted { set n = 1 }");
  CHECK(said(*grouped, Code::not_anchored) == "rows of this relation are not rows of one table, because of `group by`");
  CHECK(helped(*grouped, Code::not_anchored).find("join one counted as r on r.KEY == KEY") != std::string::npos);
  CHECK(check_job("update u of shop.orders join many shop.lines as l on l.order_id == id { set note = \"x\" }")->has(Code::not_anchored));
  CHECK(check_job("update u of shop.orders keep { id } { set id = 1 }")->has(Code::not_anchored));
  CHECK(said(*check_job("update u of shop.totals { set total = 1 }"), Code::not_writable) == "`shop.totals` is a view, which has no rows of its own to change");
}

TEST_CASE("what is set is a column of the table, once, of its type") {
  CHECK(check_job("update u of shop.orders { set note = \"a\" set note = \"b\" }")->has(Code::duplicate_assignment));
  CHECK(check_job("update u of shop.loose { set g = 1 }")->has(Code::not_writable));
  CHECK(check_job("update u of shop.loose { set v = 1 }")->has(Code::untyped_column));
  CHECK(helped(*check_job("update u of shop.loose where v == 1 { set doc = \"x\" }"), Code::untyped_column) == "say it at the source: { column loose.v: text }");
  CHECK(helped(*check_job("update u of shop.orders { set note = 5 }"), Code::type_mismatch) == "write `to_text(…)`, or f\"{…}\"");
  CHECK(helped(*check_job("update u of shop.orders { set line_count = total }"), Code::type_mismatch) == "say how it is rounded: `to_int(round(…))`");
  CHECK(!check_job("update u of shop.orders { set total = 5 }")->diagnostics.has_errors());
  CHECK(check_job("update u of shop.orders derive { twice = tax } { set twice = 1 }")->has(Code::not_writable));
  CHECK(check_job("update u of shop.orders { }")->has(Code::empty_step));
  CHECK(check_job("verify v { }")->has(Code::empty_step));
  CHECK(check_job("update u { set note = \"x\" }")->has(Code::empty_step));
}

TEST_CASE("null does not go into a column that may not be null") {
  CHECK(check_job("update u of shop.orders { set line_count = null }")->has(Code::null_into_not_null));
  CHECK(helped(*check_job("update u of shop.orders { set subtotal = total }"), Code::null_into_not_null) == "say what it is then: `total ?? …`, or leave such rows out with a `where`");
  CHECK(!check_job("update u of shop.orders { set subtotal = total ?? 0 }")->diagnostics.has_errors());
  CHECK(!check_job("update u of shop.orders where total != null { set subtotal = total * 1 }")->diagnostics.has_errors());
  CHECK(!check_job("update u of shop.orders where not (total == null or tax > 1) { set subtotal = total + tax }")->diagnostics.has_errors());
  CHECK(!check_job("update u of shop.orders skip where total == null \"open\" { set subtotal = total }")->diagnostics.has_errors());
  CHECK(check_job("update u of shop.orders where total != null or tax > 1 { set subtotal = total }")->has(Code::null_into_not_null));
  CHECK(check_job("update u of shop.orders where country != null { set subtotal = total }")->has(Code::null_into_not_null));
}

TEST_CASE("clauses of a step are its own, stand once and are in range") {
  CHECK(check_job("verify v chunk 5 { assert exists(shop.orders) }")->has(Code::unknown_clause));
  CHECK(check_job("update u of shop.orders chunk 5 chunk 6 { set note = \"x\" }")->has(Code::repeated_clause));
  CHECK(said(*check_job("update u of shop.orders chunk 0 { set note = \"x\" }"), Code::value_out_of_range) == "a chunk of 0, expected 1 to 100000");
  CHECK(check_job("update u of shop.orders chunk id { set note = \"x\" }")->has(Code::not_constant));
  CHECK(check_job("update u of shop.orders { set note = \"x\" expect changed <= 5% }")->has(Code::unknown_clause));
  const auto share = check_job("update u of shop.orders { set note = \"x\" expect skipped < 0.5% of shop.lines }");
  CHECK(share->step().expectations.at(0).percent->to_string() == "0.5");
  CHECK(share->step().reads.size() == check_job("update u of shop.orders { set note = \"x\" }")->step().reads.size());
  CHECK(check_job("update u of shop.orders { set note = \"x\" expect rows <= 5 }")->has(Code::unknown_clause));
  CHECK(check_job("update u of shop.orders { set note = \"x\" expect changed < 5 expect changed >= 1 }")->step().expectations.at(0).rows == 4);
  CHECK(helped(*check_job("update tidy of shop.orders { set note = \"x\" }\nverify v after tdy { assert true }"), Code::unknown_step) == "did you mean `tidy`?");
  CHECK(check_job("verify v after v { assert true }")->has(Code::dependency_cycle));
  CHECK(!check_job("verify v after w { assert true }\nverify w { assert true }")->diagnostics.has_errors());
}

TEST_CASE("rows are set aside one by one, or the step has no quarantine") {
  CHECK(check_job("update u of shop.orders { set note = \"x\" quarantine <= 5 }")->step().quarantine == 5);
  CHECK(said(*check_job("update u of shop.orders { set note = \"x\" quarantine <= 0 }"), Code::value_out_of_range) == "a number of rows of 0, expected 1 to 10000");
  CHECK(check_job("update u of shop.orders { set note = \"x\" atomic quarantine <= 5 }")->has(Code::unknown_clause));
  CHECK(check_job("delete d of shop.orders where id == 1 { cascades to shop.lines quarantine <= 5 }")->has(Code::unknown_clause));
  CHECK(check_job("verify v { assert true quarantine <= 5 }")->has(Code::unknown_clause));
  CHECK(check_job("updat u of shop.orders { set note = \"x\" }")->diagnostics.has_errors());
}

TEST_CASE("a table is walked along a unique key without nulls") {
  CHECK(check_job("update u of shop.lines { set quantity = 1 }")->step().walk == std::vector<int>{0, 1});
  CHECK(check_job("update u of shop.products { set name = \"x\" chunk 5 by sku }")->step().walk == std::vector<int>{1});
  CHECK(helped(*check_job("update u of shop.products { set name = \"x\" chunk 5 by name }"), Code::no_row_identity) == "write `by id` or `by sku`");
  CHECK(helped(*check_job("update u of shop.heap { set b = a }"), Code::no_row_identity).find("chunk 1_000 by COLUMNS") != std::string::npos);
  const auto whole = check_job("update u of shop.heap { set b = a atomic }");
  REQUIRE_MESSAGE(!whole->diagnostics.has_errors(), whole->drawn());
  CHECK(whole->step().walk.empty());
  CHECK(whole->step().route == program::Route::whole);
  const auto mixed = check_job("update u of shop.`Mixed Case` where group > 1 { set group = 1 }");
  CHECK_MESSAGE(!mixed->diagnostics.has_errors(), mixed->drawn());

  Catalogue odd;
  odd.engine = "sqlite";
  odd.tables.push_back(test::table("t", {test::column("r", Kind::floating), test::column("c", Kind::text), test::column("n", Kind::integer, true), test::column("v", Kind::text)}, {0}));
  odd.tables[0].columns[1].binary_collation = false;
  odd.tables[0].keys.push_back({.name = "c", .columns = {1}, .not_null = true});
  odd.tables[0].keys.push_back({.name = "n", .columns = {2}, .not_null = false});
  const auto refused = check_job("update u of shop.t { set v = \"x\" }", {}, odd);
  REQUIRE(refused->has(Code::no_row_identity));
  CHECK(refused->first(Code::no_row_identity)->notes.size() == 3);
}

TEST_CASE("triggers and cascades that the step does not say are refused by name") {
  CHECK(said(*check_job("update u of shop.watched { set a = \"x\" }"), Code::undeclared_effect) == "the trigger `noisy` of `shop.watched` would run for each row that the step changes");
  CHECK(!check_job("update u of shop.watched { set b = \"x\" }")->diagnostics.has_errors());
  CHECK(said(*check_job("update u of shop.orders { set id = customer_id }"), Code::undeclared_effect).find("`lines` as well: its foreign key says ON UPDATE CASCADE") != std::string::npos);
}

TEST_CASE("a source says where it is and hides its secrets") {
  setenv("BFL_TEST_SHOP", "sqlite:/data/shop.db", 1);
  check::Settings settings;
  settings.job_directory = "/jobs";
  CHECK(check_job("source shop = sqlite(\"shop.db\")", settings)->program.sources[0].url == "sqlite:/jobs/shop.db");
  CHECK(check_job("source shop = sqlite(\"shop.db\")", settings)->program.sources[0].shown == "sqlite:shop.db");
  CHECK(check_job("source shop = sqlite(\"/abs/shop.db\")", settings)->program.sources[0].url == "sqlite:/abs/shop.db");
  CHECK(check_job("source shop = sqlite(env(\"BFL_TEST_SHOP\"))", settings)->program.sources[0].url == "sqlite:/data/shop.db");
  CHECK(check_job("source shop = env(\"BFL_TEST_SHOP\")", settings)->program.sources[0].url == "sqlite:/data/shop.db");
  CHECK(said(*check_job("source shop = sqlite(env(\"BFL_TEST_NOT_SET\"))"), Code::environment_missing) == "the environment variable `BFL_TEST_NOT_SET` is not set");
  const auto secret = check_job("source shop = postgres(\"postgres://ann:hunter2@host/db\")");
  CHECK(secret->has(Code::secret_in_source));
  for (const Diagnostic& found : secret->diagnostics.all()) CHECK((found.message + found.help).find("hunter2") == std::string::npos);
  settings.sources = {{"shop", "elsewhere.db"}};
  CHECK(check_job("source shop = sqlite(\"shop.db\")", settings)->program.sources[0].url == "sqlite:elsewhere.db");
  settings.sources = {{"shp", "elsewhere.db"}};
  CHECK(helped(*check_job("source shop = sqlite(\"shop.db\")", settings), Code::unknown_source) == "did you mean `shop`?");
  settings.sources = {{"shop", "file:x?key=hunter2"}};
  CHECK(check_job("source shop = sqlite(\"shop.db\")", settings)->program.sources.size() <= 1);
  CHECK(check_job("source shop = mongo(\"x\")")->has(Code::unknown_function));
  CHECK(helped(*check_job("verify v { assert exists(shp.orders) }"), Code::unknown_source) == "did you mean `shop`?");
}

TEST_CASE("a column's declared type decides how it is stored") {
  const auto job = check_job("source shop = sqlite(\"shop.db\") { column loose.doc: json column loose.v: decimal }\nuse std.json\nupdate u of shop.loose where v > 1.5 { set doc = { \"a\": id } }");
  REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(job->program.catalogues[0].tables[4].columns[2].storage == Storage::json_text);
  CHECK(job->program.catalogues[0].tables[4].columns[2].type.nullable);
  CHECK(job->program.catalogues[0].tables[4].columns[1].storage == Storage::decimal_numeric);
  CHECK(helped(*check_job("source shop = sqlite(\"shop.db\") { column loose.dox: json }"), Code::unknown_column) == "did you mean `doc`?");
  CHECK(check_job("source shop = sqlite(\"shop.db\") { column lose.doc: json }")->has(Code::unknown_table));
  CHECK(helped(*check_job("source shop = sqlite(\"shop.db\") { column loose.doc: int }"), Code::untyped_column).find("to_int") != std::string::npos);
}

TEST_CASE("warnings stop nothing") {
  const auto blank = check_job("update u of shop.orders where note != \"\" { set note = \"x\" }");
  CHECK(blank->has(Code::blank_comparison));
  CHECK(!blank->diagnostics.has_errors());
  CHECK(check_job("update u of shop.orders join optional shop.orders as o on o.country == country and o.id == id { set note = o.note }")->has(Code::nullable_join));
  CHECK(said(*check_job("let wrong = shop.orders\nverify v { assert exists(shop.orders) }"), Code::unused_name) == "the relation `wrong` is never used");
  CHECK(check_job("param p: int = 1")->has(Code::unused_name));
  CHECK(check_job("fn f(a: int) -> int = a")->has(Code::unused_name));
}

TEST_CASE("the meaning of a step sees what changes it and nothing else") {
  const auto meaning = [](const std::string& script) {
    const auto job = check_job(script);
    REQUIRE_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
    return program::meaning(job->step(), job->program);
  };
  const std::string plain = meaning("update u of shop.orders where total != subtotal + tax { set total = subtotal + tax }");
  CHECK(plain == meaning("# a comment\nlet w = shop.orders as o\n  where o.total != subtotal+tax\nupdate other of w {\n  set total = (subtotal + tax)\n  chunk 5\n}"));
  CHECK(plain == meaning("param z: decimal = 1\nfn with_tax(a: decimal, b: decimal) -> decimal = a + b\nupdate u of shop.orders where total != with_tax(subtotal, tax) { set total = with_tax(subtotal, tax) }"));
  CHECK(plain != meaning("update u of shop.orders where total != subtotal + tax { set total = tax + subtotal }"));
  CHECK(plain != meaning("update u of shop.orders where total != subtotal + tax { set total = subtotal + tax once }"));
  const std::string self = "update u of shop.orders join one shop.customers as a on a.id == customer_id join one shop.customers as b on b.id == 1 { set note = ";
  CHECK(meaning(self + "a.name }") != meaning(self + "b.name }"));
}
