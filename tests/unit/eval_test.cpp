#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <deque>
#include <limits>

#include "interpreter/eval/evaluate.h"

using namespace bfl;
using namespace bfl::eval;
using namespace bfl::program;

namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

ExprPtr make(Expr expr) { return std::make_shared<const Expr>(std::move(expr)); }
ExprPtr literal(Value value) { return make({.kind = ExprKind::literal, .type = Type{value.kind()}, .value = value}); }
ExprPtr integer(std::int64_t i) { return literal(Value(i)); }
ExprPtr text(const char* t) { return literal(Value(std::string(t))); }
ExprPtr decimal(const char* t) { return literal(Value(*Decimal::parse(t))); }
ExprPtr null() { return literal(Value()); }
ExprPtr column(int number, Kind kind = Kind::integer) {
  return make({.kind = ExprKind::column, .type = Type{kind, true}, .column = number});
}
ExprPtr node(ExprKind kind, Kind result, std::vector<ExprPtr> args) {
  return make({.kind = kind, .type = Type{result, true}, .args = std::move(args)});
}
ExprPtr compare(CompareOp op, ExprPtr a, ExprPtr b) {
  return make({.kind = ExprKind::compare, .type = Type{Kind::boolean}, .op = op, .args = {std::move(a), std::move(b)}});
}
ExprPtr equals(ExprPtr a, ExprPtr b) { return compare(CompareOp::equal, std::move(a), std::move(b)); }
ExprPtr call(const std::string& name, std::vector<Type> params, std::vector<ExprPtr> args, Kind result) {
  static std::deque<Native> natives;
  natives.push_back({signature(name, params), name, params, Type{result}});
  return make({.kind = ExprKind::call, .type = Type{result, true}, .native = &natives.back(), .args = std::move(args)});
}
ExprPtr plus(ExprPtr a, ExprPtr b) {
  return call("+", {Type{Kind::integer}, Type{Kind::integer}}, {std::move(a), std::move(b)}, Kind::integer);
}
ExprPtr divided(ExprPtr a, ExprPtr b) {
  return call("/", {Type{Kind::integer}, Type{Kind::integer}}, {std::move(a), std::move(b)}, Kind::decimal);
}
ExprPtr failing() { return divided(integer(1), integer(0)); }
ExprPtr truth(bool b) { return literal(Value(b)); }

const Context context{Timestamp{0}};

std::string show(const Outcome& outcome) {
  if (const auto* failed = std::get_if<Failure>(&outcome)) return "failed: " + failed->message;
  return to_display(std::get<Value>(outcome));
}
std::string run(const ExprPtr& expr, std::vector<Value> row = {}) { return show(compile(expr, context)->run(row)); }

std::string total(AggregateKind kind, Kind result, const std::vector<std::vector<Value>>& rows, const std::vector<bool>& descending = {}) {
  const auto forth = accumulator(kind, Type{result}, descending), back = accumulator(kind, Type{result}, descending);
  for (const auto& row : rows) forth->add(row);
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) back->add(*row);
  const std::string shown = show(forth->finish());
  CHECK(shown == show(back->finish()));  // the order of the rows never counts
  return shown;
}
std::vector<std::vector<Value>> rows(std::vector<Value> values) {
  std::vector<std::vector<Value>> out;
  for (Value& value : values) out.push_back({std::move(value)});
  return out;
}

}  // namespace

TEST_CASE("equality knows null and order does not") {
  CHECK(run(equals(null(), null())) == "true");
  CHECK(run(equals(column(0), integer(1)), {Value()}) == "false");
  CHECK(run(equals(column(0), column(1)), {Value(), Value()}) == "true");
  CHECK(run(compare(CompareOp::not_equal, column(0), integer(1)), {Value()}) == "true");
  for (const CompareOp op : {CompareOp::less, CompareOp::less_equal, CompareOp::greater, CompareOp::greater_equal}) {
    CHECK(run(compare(op, column(0), integer(1)), {Value()}) == "false");
    CHECK(run(compare(op, column(0), column(1)), {Value(), Value()}) == "false");
  }
  CHECK(run(compare(CompareOp::less, text("Z"), text("a"))) == "true");
  CHECK(run(compare(CompareOp::greater, literal(Value(std::nan(""))), literal(Value(double{INFINITY})))) == "true");
}

TEST_CASE("a total that is null is not the sum") {
  const ExprPtr wrong = compare(CompareOp::not_equal, column(0), plus(column(1), column(2)));
  CHECK(run(wrong, {Value(std::int64_t{12}), Value(std::int64_t{10}), Value(std::int64_t{2})}) == "false");
  CHECK(run(wrong, {Value(std::int64_t{10}), Value(std::int64_t{10}), Value(std::int64_t{2})}) == "true");
  CHECK(run(wrong, {Value(), Value(std::int64_t{10}), Value(std::int64_t{2})}) == "true");
  CHECK(run(wrong, {Value(), Value(), Value(std::int64_t{2})}) == "false");
  CHECK(run(wrong, {Value(std::int64_t{0}), Value(largest), Value(std::int64_t{2})}) ==
        "failed: `9223372036854775807 + 2` does not fit an int");
}

TEST_CASE("and, or, case and coalesce look at no more than they need") {
  CHECK(run(node(ExprKind::and_, Kind::boolean, {truth(false), equals(failing(), null())})) == "false");
  CHECK(run(node(ExprKind::or_, Kind::boolean, {truth(true), equals(failing(), null())})) == "true");
  CHECK(run(node(ExprKind::and_, Kind::boolean, {truth(true), equals(failing(), null())})) == "failed: division by zero");
  CHECK(run(node(ExprKind::coalesce, Kind::integer, {column(0), integer(7), failing()}), {Value()}) == "7");
  CHECK(run(node(ExprKind::coalesce, Kind::integer, {null(), null()})) == "null");
  CHECK(run(node(ExprKind::case_, Kind::integer, {truth(false), failing(), truth(true), integer(2), failing()})) == "2");
  CHECK(run(node(ExprKind::case_, Kind::integer, {null(), integer(1), integer(2)})) == "2");
  CHECK(run(node(ExprKind::case_, Kind::integer, {truth(false), integer(1)})).starts_with("failed: no branch"));
}

TEST_CASE("a condition that is null counts as false, and its negation as true") {
  CHECK(run(node(ExprKind::and_, Kind::boolean, {column(0, Kind::boolean), truth(true)}), {Value()}) == "false");
  CHECK(run(node(ExprKind::or_, Kind::boolean, {column(0, Kind::boolean), truth(false)}), {Value()}) == "false");
  CHECK(run(node(ExprKind::not_, Kind::boolean, {column(0, Kind::boolean)}), {Value()}) == "true");
  CHECK(run(node(ExprKind::not_, Kind::boolean, {truth(true)})) == "false");
}

TEST_CASE("arithmetic with null is null, and a function is not called with it") {
  CHECK(run(plus(column(0), integer(1)), {Value()}) == "null");
  CHECK(run(divided(column(0), integer(0)), {Value()}) == "null");
  CHECK(run(call("+", {Type{Kind::decimal}, Type{Kind::decimal}}, {null(), decimal("1")}, Kind::decimal)) == "null");
  CHECK(run(call("*", {Type{Kind::decimal}, Type{Kind::decimal}}, {decimal("1.1"), decimal("1.1")}, Kind::decimal)) == "1.21");
  CHECK(run(call("upper", {Type{Kind::text}}, {text("é")}, Kind::text)) == "É");
  CHECK(run(call("vanished", {Type{Kind::text}}, {text("é")}, Kind::text)).starts_with("failed: this version"));
}

TEST_CASE("membership is equality with any, null included") {
  const auto in = [](std::vector<ExprPtr> args) { return node(ExprKind::in_list, Kind::boolean, std::move(args)); };
  CHECK(run(in({integer(2), integer(3), integer(2)})) == "true");
  CHECK(run(in({null(), integer(3)})) == "false");
  CHECK(run(in({null(), integer(3), null()})) == "true");
  CHECK(run(in({integer(5), integer(1), column(0)}), {Value(std::int64_t{5})}) == "true");
  CHECK(run(in({integer(5)})) == "false");
  CHECK(run(in({integer(1), integer(1), failing()})) == "true");
  CHECK(run(in({literal(Value(-0.0)), literal(Value(0.0))})) == "true");
}

TEST_CASE("a bound value is computed once and seen by its slot, shadowed or not") {
  const auto local = [](std::uint32_t slot) { return make({.kind = ExprKind::local, .type = Type{Kind::integer}, .slot = slot}); };
  const auto bind = [](std::uint32_t slot, ExprPtr value, ExprPtr body) {
    return make({.kind = ExprKind::bind, .type = body->type, .slot = slot, .args = {value, body}});
  };
  CHECK(run(bind(70, integer(2), plus(local(70), local(70)))) == "4");
  CHECK(run(bind(70, integer(2), local(70))) == "2");
  CHECK(run(bind(1, integer(2), bind(1, plus(local(1), integer(1)), plus(local(1), local(1))))) == "6");
  CHECK(run(bind(1, integer(2), plus(bind(1, integer(10), local(1)), local(1)))) == "12");
  CHECK(run(bind(1, bind(2, integer(3), plus(local(2), local(2))), plus(local(1), integer(1)))) == "7");
  CHECK(run(bind(1, text("a text that is far too long for the small buffer"), local(1))) ==
        "a text that is far too long for the small buffer");
  CHECK(run(bind(1, divided(integer(1), integer(0)), node(ExprKind::case_, Kind::integer, {truth(true), integer(3), local(1)}))) == "3");
  CHECK(run(bind(1, divided(integer(1), integer(0)), local(1))) == "failed: division by zero");
  CHECK(run(bind(1, bind(3, integer(4), plus(local(3), local(3))), bind(2, integer(1), plus(plus(local(2), local(1)), local(1))))) == "17");
  ExprPtr deep = integer(0);
  for (std::uint32_t slot = 0; slot < 20; ++slot) deep = plus(deep, local(slot));
  for (std::uint32_t slot = 20; slot-- > 0;) deep = bind(slot, integer(slot), deep);
  CHECK(run(deep) == "190");
}

TEST_CASE("numbers are widened exactly, dates to their first instant") {
  const auto convert = [](ExprPtr arg, Type to) { return make({.kind = ExprKind::convert, .type = to, .args = {arg}}); };
  CHECK(run(equals(convert(integer(largest), Type{Kind::decimal}), decimal("9223372036854775807"))) == "true");
  CHECK(run(convert(integer(1), Type{Kind::floating})) == "1.0");
  CHECK(run(convert(decimal("0.1"), Type{Kind::floating})) == "0.1");
  CHECK(run(convert(literal(Value(Date{1})), Type{Kind::timestamp})) == "1970-01-02T00:00:00Z");
  CHECK(run(convert(null(), Type{Kind::text})) == "null");
  const ExprPtr array = node(ExprKind::array, Kind::array, {integer(1), null()});
  CHECK(run(equals(convert(array, array_of(Type{Kind::decimal})), node(ExprKind::array, Kind::array, {decimal("1"), null()}))) == "true");
  CHECK(run(convert(text("1"), Type{Kind::integer})).starts_with("failed: "));
}

TEST_CASE("objects become documents, and what JSON cannot say fails") {
  const auto object = [](std::vector<ExprPtr> args) { return node(ExprKind::object, Kind::json, std::move(args)); };
  CHECK(run(object({text("a\""), decimal("0.10"), text("b"), node(ExprKind::array, Kind::array, {text("x"), null()}), text("c"),
                    object({})})) == R"({"a\"": 0.1, "b": ["x", null], "c": {}})");
  CHECK(run(object({text("a"), literal(Value(std::nan("")))})).starts_with("failed: a value of type float has no form in JSON"));
  CHECK(run(object({text("a"), text("\xff")})).starts_with("failed: "));
}

TEST_CASE("equal columns share a slot and the clock stands still") {
  const auto compiled = compile(plus(plus(column(3), column(1)), column(3)), context);
  CHECK(compiled->slots().size() == 2);
  CHECK(show(compiled->run(std::vector<Value>{Value(std::int64_t{10}), Value(std::int64_t{1})})) == "21");
  CHECK(show(constant(make({.kind = ExprKind::clock, .type = Type{Kind::timestamp}}), context)) == "1970-01-01T00:00:00Z");
  CHECK(show(constant(column(0), context)).starts_with("failed: "));
}

TEST_CASE("a row that is not as promised fails and is never misread") {
  CHECK(run(plus(column(0), integer(1)), {Value(std::string("1"))}).starts_with("failed: "));
  CHECK(run(plus(column(0), integer(1))).starts_with("failed: "));
  CHECK(run(node(ExprKind::and_, Kind::boolean, {column(0, Kind::boolean)}), {Value(std::int64_t{1})}).starts_with("failed: "));
  CHECK(run(call("upper", {Type{Kind::text}}, {column(0, Kind::null)}, Kind::text), {Value(1.0)})
            .starts_with("failed: an argument is float"));
}

TEST_CASE("sums are exact, and judged at the end") {
  CHECK(total(AggregateKind::sum, Kind::integer, rows({largest, std::int64_t{1}, std::int64_t{-5}, Value()})) ==
        std::to_string(largest - 4));
  CHECK(total(AggregateKind::sum, Kind::integer, rows({largest, std::int64_t{1}})) == "failed: the sum does not fit an int");
  CHECK(total(AggregateKind::sum, Kind::integer, {}) == "0");
  CHECK(total(AggregateKind::sum, Kind::decimal, {}) == "0");
  CHECK(total(AggregateKind::sum, Kind::floating, {}) == "0.0");
  CHECK(total(AggregateKind::sum, Kind::decimal, rows({*Decimal::parse("0.1"), *Decimal::parse("0.2"), *Decimal::parse("1e30")})) ==
        "1000000000000000000000000000000.3");
  CHECK(total(AggregateKind::sum, Kind::floating, rows({1e16, 1.0, -1e16, 1e-9})) == "1.000000001");
  CHECK(total(AggregateKind::sum, Kind::floating, rows({0.1, 0.2, 0.3, -0.6})) == "2.7755575615628914e-17");
  CHECK(total(AggregateKind::sum, Kind::floating, rows({double{INFINITY}, 1.0})) == "inf");
  CHECK(total(AggregateKind::sum, Kind::floating, rows({1e308, 1e308})).starts_with("failed: "));
  CHECK(total(AggregateKind::sum, Kind::duration, rows({Duration{1}, Duration{2}})) == "3us");
  CHECK(total(AggregateKind::average, Kind::decimal, rows({std::int64_t{1}, std::int64_t{2}, Value()})) == "1.5");
  CHECK(total(AggregateKind::average, Kind::decimal, rows({largest, largest})) == std::to_string(largest));
  CHECK(total(AggregateKind::average, Kind::decimal, rows({Value()})) == "null");
}

TEST_CASE("other aggregates leave nulls out and say what they are of nothing") {
  CHECK(total(AggregateKind::count, Kind::integer, {{}, {}}) == "2");
  CHECK(total(AggregateKind::count_distinct, Kind::integer, rows({std::string("a"), Value(), std::string("a"), std::string("b")})) == "2");
  CHECK(total(AggregateKind::count_distinct, Kind::integer, rows({Json{"[1, 2]"}, Json{"[1.0,2]"}})) == "1");
  CHECK(total(AggregateKind::min, Kind::integer, rows({std::int64_t{3}, Value(), std::int64_t{-1}})) == "-1");
  CHECK(total(AggregateKind::max, Kind::text, rows({std::string("a"), Value(), std::string("b")})) == "b");
  CHECK(total(AggregateKind::max, Kind::text, {}) == "null");
  CHECK(total(AggregateKind::any, Kind::boolean, {}) == "false");
  CHECK(total(AggregateKind::every, Kind::boolean, {}) == "true");
  CHECK(total(AggregateKind::any, Kind::boolean, rows({false, Value(), true})) == "true");
  CHECK(total(AggregateKind::every, Kind::boolean, rows({true, Value()})) == "false");
  CHECK(total(AggregateKind::exists, Kind::boolean, {}) == "false");
}

TEST_CASE("first and last go by their keys, nulls last in both directions") {
  const auto row = [](const char* value, Value key) { return std::vector<Value>{std::string(value), std::move(key)}; };
  const std::vector<std::vector<Value>> some = {row("two", std::int64_t{2}), row("none", Value()), row("one", std::int64_t{1})};
  CHECK(total(AggregateKind::first, Kind::text, some, {false}) == "one");
  CHECK(total(AggregateKind::first, Kind::text, some, {true}) == "two");
  CHECK(total(AggregateKind::last, Kind::text, some, {false}) == "none");
  CHECK(total(AggregateKind::last, Kind::text, some, {true}) == "none");
  CHECK(total(AggregateKind::first, Kind::text, {}, {false}) == "null");
}

TEST_CASE("a usual condition costs well under a microsecond") {
  const auto compiled = compile(compare(CompareOp::not_equal, column(0), plus(column(1), column(2))), context);
  const std::vector<Value> row = {Value(std::int64_t{12}), Value(std::int64_t{10}), Value(std::int64_t{2})};
  constexpr int rounds = 200'000;
  const auto begin = std::chrono::steady_clock::now();
  int wrong = 0;
  for (int i = 0; i < rounds; ++i) {
    const Outcome outcome = compiled->run(row);
    wrong += std::get<Value>(outcome).as<bool>();
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
  MESSAGE("nanoseconds a row: ", spent.count() / rounds);
  CHECK(wrong == 0);
  CHECK(spent.count() / rounds < 5000);  // loose enough for sanitizers and a busy machine
}
