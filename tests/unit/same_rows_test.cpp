// What SQL does with many rows means the same as in the evaluator: aggregates, orders, groups, and subqueries when they fail.
#include "tests/unit/hostile_world.h"

using namespace bfl;
using namespace bfl::hostile_world;

TEST_CASE("aggregates give in SQL what the evaluator's accumulators give") {
  World world;
  for (int at = 0; at <= static_cast<int>(AggregateKind::list); ++at) {
    const auto kind = static_cast<AggregateKind>(at);
    for (const auto& [operand_kind, columns] : world.columns) {
      Type result{operand_kind, true};
      const bool number = operand_kind == Kind::integer || operand_kind == Kind::decimal || operand_kind == Kind::floating;
      switch (kind) {
        case AggregateKind::count:
        case AggregateKind::count_distinct: result = Type{Kind::integer}; break;
        case AggregateKind::sum:
          if (!number) continue;
          result.nullable = false;
          break;
        case AggregateKind::average:
          if (!number) continue;
          if (operand_kind == Kind::integer) result.kind = Kind::decimal;
          break;
        case AggregateKind::any:
        case AggregateKind::every:
          if (operand_kind != Kind::boolean) continue;
          result.nullable = false;
          break;
        case AggregateKind::min:
        case AggregateKind::max:
          if (operand_kind == Kind::json) continue;
          break;
        case AggregateKind::first:
        case AggregateKind::last:
        case AggregateKind::exists: break;
        case AggregateKind::list: result = array_of(Type{operand_kind, true}); break;
        case AggregateKind::clusters: case AggregateKind::fold: continue;  // made of more than a column: row_sets_test, windows_test
      }
      for (std::size_t c = 0; c < columns.size(); ++c)
        for (int limit : {0, 1, 13, rows}) {
          const bool ordered = kind == AggregateKind::first || kind == AggregateKind::last || kind == AggregateKind::list;
          if (ordered && operand_kind == Kind::json) continue;  // no order of documents
          auto aggregate = std::make_shared<Aggregate>();
          aggregate->kind = kind;
          if (kind != AggregateKind::count) aggregate->operand = columns[c];
          if (ordered) aggregate->order = {{columns[(c + 1) % columns.size()], limit % 2 == 1}, {world.id()}};
          const auto accumulator =
              eval::accumulator(kind, result, ordered ? std::vector<bool>{limit % 2 == 1, false} : std::vector<bool>{});
          for (int row = 0; row < limit; ++row) {
            std::vector<Value> values;
            if (aggregate->operand) values.push_back(world.cell(row, aggregate->operand->column));
            for (const auto& key : aggregate->order) values.push_back(world.cell(row, key.expr->column));
            accumulator->add(values);
          }
          const auto expected = accumulator->finish();

          const ExprPtr within = comparison(CompareOp::less, world.id(), lower::literal(std::int64_t{limit}, {Kind::integer}));
          Expr grouped;
          grouped.kind = ExprKind::aggregate;
          grouped.type = result;
          grouped.aggregate = aggregate;
          Expr sub = grouped;
          sub.kind = ExprKind::subquery;
          Relation rows_of{.inputs = {world.anchor()}, .filters = {{.condition = within}}, .fields = {{"x", columns[c]}}};
          sub.relation = std::make_shared<const Relation>(rows_of);
          Relation one_group{.inputs = {world.anchor()},
                             .filters = {{.condition = within}},
                             .grouped = true,
                             .fields = {{"x", std::make_shared<const Expr>(grouped)}}};
          for (bool as_group : {false, true}) {
            if (as_group && kind == AggregateKind::exists) continue;
            const auto lowered = as_group ? lower::select_in(world.program, one_group, dialect)
                                          : lower::scalar_in(world.program, std::make_shared<const Expr>(sub), dialect);
            if (!lowered && lowered.error().kind == ErrorClass::refused) continue;  // not said in SQL at all
            REQUIRE(lowered);
            const lower::Statement& statement = *lowered;
            INFO(statement.text);
            auto prepared = world.connector->prepare(statement, context);
            REQUIRE_MESSAGE(prepared, (prepared ? "" : prepared.error().message));
            Value found(std::string("no row"));
            auto done = (*prepared)->query_raw({}, [&](connect::RawRow row) {
              auto value = world.connector->decode(row[0], statement.columns[0]);
              if (value) found = *value;
              return true;
            });
            if (const auto* failure = std::get_if<eval::Failure>(&expected)) {
              REQUIRE_FALSE(done);
              if (dialect == Dialect::sqlite) CHECK(done.error().message == failure->message);
            } else {
              REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
              CHECK_MESSAGE(equal(found, std::get<Value>(expected)), to_literal(found), " is not ", to_literal(std::get<Value>(expected)));
            }
          }
        }
    }
  }
}

TEST_CASE("orders sort in SQL as the language does, nulls last in both directions") {
  World world;
  for (const auto& [kind, columns] : world.columns) {
    if (kind == Kind::json) continue;
    for (const ExprPtr& column : columns)
      for (bool descending : {false, true}) {
        Relation relation{.inputs = {world.anchor()}, .fields = {{"id", world.id()}}, .order = {{column, descending}, {world.id()}}};
        std::vector<int> expected(rows);
        for (int row = 0; row < rows; ++row) expected[static_cast<std::size_t>(row)] = row;
        std::sort(expected.begin(), expected.end(), [&](int a, int b) {
          const Value &x = world.cell(a, column->column), &y = world.cell(b, column->column);
          const auto way = order(x, y);
          if (way == 0) return a < b;
          if (descending && !x.is_null() && !y.is_null()) return way > 0;
          return way < 0;
        });
        const auto statement = *lower::select_in(world.program, relation, dialect);
        auto prepared = world.connector->prepare(statement, context);
        REQUIRE(prepared);
        std::vector<int> found;
        REQUIRE((*prepared)->query_raw({}, [&](connect::RawRow row) {
          found.push_back(static_cast<int>(row[0].integer));
          return true;
        }));
        CHECK_MESSAGE(found == expected, statement.text);
      }
  }
}

TEST_CASE("groups are by the language's equality") {
  World world;
  for (const auto& [kind, columns] : world.columns) {
    if (kind == Kind::json) continue;
    for (const ExprPtr& column : columns) {
      std::vector<Value> distinct;
      for (int row = 0; row < rows; ++row)
        if (std::none_of(distinct.begin(), distinct.end(),
                         [&](const Value& value) { return equal(value, world.cell(row, column->column)); }))
          distinct.push_back(world.cell(row, column->column));
      Relation relation{.inputs = {world.anchor()}, .grouped = true, .group_by = {column}, .fields = {{"k", column}}};
      const auto statement = *lower::select_in(world.program, relation, dialect);
      auto prepared = world.connector->prepare(statement, context);
      REQUIRE(prepared);
      std::size_t groups = 0;
      REQUIRE((*prepared)->query_raw({}, [&](connect::RawRow) {
        ++groups;
        return true;
      }));
      CHECK_MESSAGE(groups == distinct.size(), statement.text);
    }
  }
}

TEST_CASE("under `or` and `case` a subquery that fails is not reached before it is needed") {
  World world;
  const auto reciprocal = discover(world, "/(int,int)");
  REQUIRE(reciprocal);
  // sum(1 / 0 from h): fails whenever it is evaluated.
  auto aggregate = std::make_shared<Aggregate>();
  aggregate->kind = AggregateKind::sum;
  const ExprPtr zero = lower::literal(std::int64_t{0}, {Kind::integer}), one = lower::literal(std::int64_t{1}, {Kind::integer});
  program::Input other = world.anchor();
  other.id = 5;
  aggregate->operand = call(*reciprocal, {lower::column_of(5, 0, {Kind::integer}), zero});
  Expr failing;
  failing.kind = ExprKind::subquery;
  failing.type = Type{Kind::decimal};
  failing.aggregate = aggregate;
  failing.relation = std::make_shared<const Relation>(Relation{.inputs = {other}, .fields = {{"x", aggregate->operand}}});
  const ExprPtr sum = std::make_shared<const Expr>(failing);
  const ExprPtr positive = comparison(CompareOp::greater, sum, lower::literal(Decimal(0), {Kind::decimal}));
  const ExprPtr first = comparison(CompareOp::equal, world.id(), one);

  const std::vector<int> one_row{1}, two_rows{1, 2};
  for (bool condition : {false, true}) {
    CHECK(world.in_sql(lower::any_of({first, positive}), one_row, condition));
    CHECK_FALSE(world.in_sql(lower::any_of({first, positive}), two_rows, condition));
    CHECK(world.in_sql(lower::all_of({lower::negation(first), positive}), one_row, condition));
    CHECK_FALSE(world.in_sql(lower::all_of({first, positive}), one_row, condition));
  }
  const ExprPtr choice = make(ExprKind::case_, Type{Kind::decimal, true}, {first, lower::literal(Decimal(1), {Kind::decimal}), sum});
  CHECK(world.in_sql(choice, one_row, false));
  CHECK_FALSE(world.in_sql(choice, two_rows, false));
  const ExprPtr wrapped =
      comparison(CompareOp::less, make(ExprKind::coalesce, Type{Kind::decimal, true}, {lower::literal(Decimal(1), {Kind::decimal}), sum}),
                 lower::literal(Decimal(2), {Kind::decimal}));
  CHECK(world.in_sql(wrapped, two_rows, true));
}
