// Functions over a window: which rows they see, in which order, and that SQL computes them as the evaluator does.
#include <set>

#include "tests/unit/asked.h"
#include "tests/unit/hostile_world.h"

using namespace bfl;

namespace {

struct Sales : test::Asked {
  Sales()
      : Asked(R"(CREATE TABLE sales(id INTEGER PRIMARY KEY, shop TEXT NOT NULL, amount NUMERIC(10,2), day INTEGER);
        INSERT INTO sales VALUES (1, 'a', 0.1, 3), (2, 'a', 0.2, 1), (3, 'b', 5, 2), (4, 'a', NULL, 1), (5, 'b', 7, NULL);)") {}
  // One value for each row, in key order.
  std::string over(const std::string& function, const std::string& clauses = "") const {
    return ask("let r = db.sales " + clauses + " derive { v = " + function + " }", "list(v from r order by id)");
  }
};

}  // namespace

TEST_CASE("ranks go by the window's order, then by the key; nulls are last both ways") {
  Sales db;
  CHECK(db.over("row_number() over (partition by shop order by day)") == "[3, 1, 1, 2, 2]");
  CHECK(db.over("row_number() over (partition by shop order by day desc)") == "[1, 2, 1, 3, 2]");
  CHECK(db.over("row_number() over (order by shop desc)") == "[3, 4, 1, 5, 2]");
  CHECK(db.over("rank() over (partition by shop order by day)") == "[3, 1, 1, 1, 2]");
  CHECK(db.over("dense_rank() over (partition by shop order by day)") == "[2, 1, 1, 1, 2]");
  CHECK(db.over("lag(id) over (partition by shop order by day)") == "[4, null, null, 2, 3]");
  CHECK(db.over("lead(id, 2) over (order by id)") == "[3, 4, 5, null, null]");
}

TEST_CASE("aggregates see the whole partition, whatever its order, unless the window is running") {
  Sales db;
  CHECK(db.over("sum(amount) over (partition by shop order by day)") == "[0.3, 0.3, 12.0, 0.3, 12.0]");
  CHECK(db.over("sum(amount) over (partition by shop order by day running)") == "[0.3, 0.2, 5.0, 0.2, 12.0]");
  CHECK(db.over("sum(amount where day < 3) over (partition by shop)") == "[0.2, 0.2, 5.0, 0.2, 5.0]");
  CHECK(db.over("count() over (partition by shop)") == "[3, 3, 2, 3, 2]");
  CHECK(db.over("count(where amount != null) over (partition by shop)") == "[2, 2, 2, 2, 2]");
  CHECK(db.over("count_distinct(day) over (partition by shop)") == "[2, 2, 1, 2, 1]");
  CHECK(db.over("average(amount) over (partition by shop)") == "[0.15, 0.15, 6.0, 0.15, 6.0]");
  CHECK(db.over("every(amount > 0.1) over (partition by shop)") == "[false, false, true, false, true]");
  CHECK(db.over("first(id) over (partition by shop order by day)") == "[2, 2, 3, 2, 3]");
  CHECK(db.over("last(id) over (partition by shop order by day)") == "[1, 1, 5, 1, 5]");
  CHECK(db.over("first(id where amount != null order by amount desc) over (partition by shop)") == "[2, 2, 5, 2, 5]");
  CHECK(db.ask("", "first(f\"{v}\" from (db.sales derive { v = length(f\"{max(day) over (partition by shop)}\") }) order by id)") == "\"1\"");
}

TEST_CASE("a fold carries a value from row to row, in the window's order") {
  Sales db;
  CHECK(db.over("fold(\"\", f\"{so_far}{id}\") over (partition by shop order by day)") == R"(["241", "2", "3", "24", "35"])");
  CHECK(db.over("fold(0, greatest(0, so_far + (day ?? -9) - 1)) over (partition by shop order by id)") == "[2, 2, 1, 2, 0]");
  CHECK(db.over("fold(0, so_far + (amount ?? 0)) over (order by id)") == "[0.1, 0.3, 5.3, 5.3, 12.3]");  // an int to begin with becomes a decimal
  CHECK(db.over("fold(id * 10, so_far) over (partition by shop order by id)") == "[10, 10, 30, 10, 30]");   // the first row says where it begins
  CHECK(db.over("fold(null, so_far ?? day) over (partition by shop order by id desc)") == "[1, 1, 2, 1, null]");
  CHECK(db.over("left(fold(\"\", sha256(f\"{so_far}{id}\")) over (order by id), 8)") ==
        R"(["6b86b273", "19e62abc", "b6142b7d", "2956c6bf", "e85d421f"])");
  const auto says = [&](const char* function, const char* part) { CHECK_MESSAGE(db.over(function).find(part) != std::string::npos, db.over(function)); };
  says("fold(1) over (order by id)", "`fold` takes a value to begin with and what it becomes at each row, got 1");
  says("fold(0, so_far + 1) over (partition by shop)", "`fold` over a window without an order");
  says("fold(0, so_far + 1)", "`fold` goes over rows in an order: of which?");
  says("fold(0, \"x\") over (order by id)", "`fold` begins with an int and goes on with a text");
  says("fold(0, count(db.sales)) over (order by id)", "a relation within what a `fold` becomes");
  says("fold(1, div(so_far, 0)) over (order by id)", "division by zero");
}

TEST_CASE("a window sees the rows that the clauses before its function leave") {
  Sales db;
  CHECK(db.ask("let r = db.sales window g (partition by shop order by id) where day != null derive { n = row_number() over g } where n == 1",
               "list(id from r order by id)") == "[1, 3]");
  CHECK(db.ask("let r = db.sales derive { n = row_number() over (partition by shop order by id) } where day != null", "list(n from r order by id)") ==
        "[1, 2, 1, 3]");
  CHECK(db.ask("let r = db.sales where row_number() over (partition by shop order by id desc) == 1", "list(id from r order by id)") == "[4, 5]");
  CHECK(db.ask("let r = db.sales order by day limit 3 derive { n = count() over () }", "list(n from r order by id)") == "[3, 3, 3]");
  CHECK(db.ask("let r = db.sales order by amount desc derive { n = row_number() over (order by id) } limit 2", "list(n from r order by n)") == "[3, 5]");
}

TEST_CASE("what a window gives is a value like another") {
  Sales db;
  const std::string gaps =
      "let r = db.sales window g (partition by shop order by id) derive { before = lag(id) over g  gap = id - (before ?? id)  widest = max(gap) over g }";
  CHECK(db.ask(gaps, "list(widest from r order by id)") == "[2, 2, 2, 2, 2]");
  CHECK(db.ask("let r = db.sales window g (partition by shop order by id) keep { id, n = row_number() over g, m = count() over g }",
               "list(f\"{n}/{m}\" from r order by id)") == R"(["1/3", "2/3", "1/2", "3/3", "2/2"])");
  CHECK(db.ask("let r = db.sales group by shop { n = count() } derive { of = sum(n) over () }", "list(f\"{n}/{of}\" from r order by shop)") == R"(["3/5", "2/5"])");
  CHECK(db.ask("let r = db.sales group by odd = row_number() over (order by id) > 3 { n = count() }", "list(n from r order by n)") == "[2, 3]");
  CHECK(db.ask("let r = db.sales as s where exists(db.sales derive { n = row_number() over (partition by shop order by day) } where n == 2 and id == s.id)",
               "list(id from r order by id)") == "[4, 5]");
}

TEST_CASE("windows give in SQL what the evaluator's accumulators give, over hostile values") {
  using namespace bfl::hostile_world;
  World world;
  const auto& parts = world.columns.at(Kind::boolean);
  for (int at = 0; at <= static_cast<int>(AggregateKind::list); ++at) {
    const auto kind = static_cast<AggregateKind>(at);
    const bool ordered = kind == AggregateKind::first || kind == AggregateKind::last || kind == AggregateKind::list;
    for (const auto& [operand_kind, columns] : world.columns) {
      const bool number = operand_kind == Kind::integer || operand_kind == Kind::decimal;  // sums of hostile floats fail
      if ((kind == AggregateKind::sum || kind == AggregateKind::average) && (!number || operand_kind == Kind::integer)) continue;
      if ((kind == AggregateKind::any || kind == AggregateKind::every) && operand_kind != Kind::boolean) continue;
      if ((ordered || kind == AggregateKind::min || kind == AggregateKind::max) && operand_kind == Kind::json) continue;
      Type result{operand_kind, true};
      if (kind == AggregateKind::count || kind == AggregateKind::count_distinct) result = Type{Kind::integer};
      if (kind == AggregateKind::list) result = array_of(Type{operand_kind, true});
      for (bool running : {false, true}) {
        auto aggregate = std::make_shared<Aggregate>();
        aggregate->kind = kind;
        if (kind != AggregateKind::count) aggregate->operand = columns[0];
        if (ordered) aggregate->order = {{columns[1], true}, {world.id()}};
        auto window = std::make_shared<program::Window>();
        window->function = program::WindowFunction::aggregate;
        window->partition = {parts[0]};
        window->running = running;
        if (running) window->order = {{world.id()}};
        Expr over;
        over.kind = ExprKind::window;
        over.type = result;
        over.aggregate = aggregate;
        over.window = window;
        const Relation relation{
            .inputs = {world.anchor()}, .fields = {{"x", std::make_shared<const Expr>(over)}, {"id", world.id()}}, .order = {{world.id()}}};
        const auto statement = lower::select(world.program, relation, Dialect::sqlite);
        INFO(statement.text);
        auto prepared = world.connector->prepare(statement, context);
        REQUIRE_MESSAGE(prepared, (prepared ? "" : prepared.error().message + prepared.error().detail));
        int row = 0;
        auto done = (*prepared)->query_raw({}, [&](connect::RawRow raw) {
          const auto accumulator = eval::accumulator(kind, result, {true, false});
          for (int other = 0; other < (running ? row + 1 : rows); ++other) {
            if (!equal(world.cell(other, parts[0]->column), world.cell(row, parts[0]->column))) continue;
            std::vector<Value> values;
            if (aggregate->operand) values.push_back(world.cell(other, aggregate->operand->column));
            for (const auto& key : aggregate->order) values.push_back(world.cell(other, key.expr->column));
            accumulator->add(values);
          }
          const auto expected = accumulator->finish();
          auto found = world.connector->decode(raw[0], statement.columns[0]);
          REQUIRE_MESSAGE(found, (found ? "" : found.error().message));
          CHECK_MESSAGE(equal(*found, std::get<Value>(expected)), to_literal(*found), " is not ", to_literal(std::get<Value>(expected)));
          ++row;
          return true;
        });
        REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
        CHECK(row == rows);
      }
    }
  }
}
