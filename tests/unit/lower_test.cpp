// Relations and expressions as SQLite SQL: what they find and change, which indexes they walk, what they refuse.
#include <doctest/doctest.h>

#include <map>

#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/sql.h"
#include "tests/unit/scratch_database.h"

using namespace bfl;
using connect::RawValue;
using lower::Dialect;
using program::Aggregate;
using program::AggregateKind;
using program::CompareOp;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using program::Filter;
using program::Input;
using program::InputKind;
using program::Relation;
using program::Step;

namespace {

// A database, its connector, and a program over its tables to hang expressions on.
struct Shop : ScratchDatabase {
  std::unique_ptr<connect::Connector> connector;
  program::Program program;
  std::map<std::string, std::unique_ptr<program::Native>> natives;

  explicit Shop(const std::string& sql) : ScratchDatabase(sql) {
    connector = open();
    auto catalogue = connector->catalogue();
    REQUIRE(catalogue);
    program.catalogues.push_back(std::move(*catalogue));
  }

  program::TableRef ref(const std::string& name) const {
    for (std::size_t i = 0; i < program.catalogues[0].tables.size(); ++i)
      if (program.catalogues[0].tables[i].name == name) return {0, static_cast<int>(i)};
    FAIL("no table " << name);
    return {};
  }
  const Table& table(const std::string& name) const { return program.table(ref(name)); }
  int at(const std::string& name, const std::string& column) const {
    const int index = table(name).column_index(column);
    REQUIRE(index >= 0);
    return index;
  }
  ExprPtr col(program::InputId input, const std::string& name, const std::string& column) const {
    return lower::column_of(input, at(name, column), table(name).columns[static_cast<std::size_t>(at(name, column))].type);
  }
  ExprPtr call(const std::string& name, std::vector<ExprPtr> args, Type result) {
    std::vector<Type> params;
    for (const ExprPtr& arg : args) params.push_back(arg->type.with_null(false));
    const std::string signature = bfl::signature(name, params);
    auto& native = natives[signature];
    if (!native) native = std::make_unique<program::Native>(program::Native{signature, name, params, result, true});
    for (const ExprPtr& arg : args) result.nullable |= arg->type.nullable;
    return std::make_shared<const Expr>(Expr{.kind = ExprKind::call, .type = result, .native = native.get(), .args = std::move(args)});
  }

  Input anchor(program::InputId id, const std::string& name) const {
    return {.id = id, .kind = InputKind::anchor, .alias = "", .table = ref(name)};
  }
  Input join(program::InputId id, InputKind kind, const std::string& name, const std::string& alias, ExprPtr on, bool at_most_one) const {
    return {.id = id, .kind = kind, .alias = alias, .table = ref(name), .sub = nullptr, .on = std::move(on), .at_most_one = at_most_one};
  }
  Step update(const std::string& name, Relation relation, std::vector<std::pair<std::string, ExprPtr>> sets,
              std::vector<std::string> walk) const {
    Step step;
    step.kind = program::StepKind::update;
    step.target = ref(name);
    relation.anchored = true;
    step.relation = std::make_shared<const Relation>(std::move(relation));
    for (auto& [column, value] : sets) step.assignments.push_back({.column = at(name, column), .value = std::move(value)});
    for (const std::string& column : walk) step.walk.push_back(at(name, column));
    step.idempotence = program::Idempotence::convergent;
    return step;
  }

  std::string query(const lower::Statement& statement, std::vector<RawValue> more = {}) {
    auto prepared = connector->prepare(statement, {});
    if (!prepared) return "error: " + prepared.error().message + "\n" + prepared.error().detail;
    std::string text;
    auto done = (*prepared)->query_raw(more, [&](connect::RawRow row) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (i) text += " ";
        auto value = i < statement.columns.size() ? connector->decode(row[i], statement.columns[i]) : Result<Value>(Value());
        text += value ? to_display(*value) : "error: " + value.error().message;
      }
      text += ";";
      return true;
    });
    return done ? text : "error: " + done.error().message;
  }
  std::string change(const lower::Statement& statement, std::vector<RawValue> more) {
    auto prepared = connector->prepare(statement, {});
    if (!prepared) return "error: " + prepared.error().message + "\n" + prepared.error().detail;
    auto rows = (*prepared)->run_raw(more);
    return rows ? std::to_string(*rows) : "error: " + rows.error().message;
  }
  std::string plan(const lower::Statement& statement) {
    auto keep = connector->prepare(statement, {});  // registers its functions
    REQUIRE_MESSAGE(keep, (keep ? "" : keep.error().message + keep.error().detail));
    auto explained = connector->prepare("EXPLAIN QUERY PLAN " + statement.text);
    REQUIRE(explained);
    std::string text;
    REQUIRE((*explained)->query_raw({}, [&](connect::RawRow row) {
      text += std::string(row[3].bytes) + "\n";
      return true;
    }));
    return text;
  }
};

RawValue integer(std::int64_t value) { return {.kind = RawValue::Class::integer, .integer = value}; }
RawValue text(std::string_view bytes) { return {.kind = RawValue::Class::text, .bytes = bytes}; }
ExprPtr constant(std::int64_t value) { return lower::literal(value, {Kind::integer}); }
ExprPtr constant(const char* value) { return lower::literal(std::string(value), {Kind::text}); }
Filter where(ExprPtr condition, std::size_t after = 1) { return {.condition = std::move(condition), .after_inputs = after}; }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const char* const orders = R"(
  CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER, subtotal INTEGER NOT NULL, tax INTEGER, total INTEGER, status TEXT NOT NULL, created_at TIMESTAMP);
  INSERT INTO orders VALUES(1, 1, 10, 2, 12, 'new', '2025-03-01 10:00:00'), (2, 1, 10, 2, 10, 'new', '2025-03-02 10:00:00'),
    (3, 2, 20, 4, NULL, 'paid', '2025-03-03 10:00:00'), (4, NULL, 5, NULL, NULL, 'new', NULL), (5, 9, 5, 1, 7, 'paid', '2025-03-05 10:00:00');
  CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, region TEXT);
  INSERT INTO customers VALUES(1, 'Ada', 'eu'), (2, 'Bob', NULL);
  CREATE TABLE lines(order_id INTEGER, amount NUMERIC(10,2));
  INSERT INTO lines VALUES(1, 1.10), (1, 2.20), (2, 0.1), (2, 0.2), (3, NULL);)";

struct Totals : Shop {
  Totals() : Shop(orders) {}
  ExprPtr sum() { return call("+", {col(0, "orders", "subtotal"), col(0, "orders", "tax")}, {Kind::integer}); }
  ExprPtr wrong() { return lower::compare(CompareOp::not_equal, col(0, "orders", "total"), sum()); }
  Step fix() { return update("orders", {.inputs = {anchor(0, "orders")}, .filters = {where(wrong())}}, {{"total", sum()}}, {"id"}); }
};

}  // namespace

TEST_CASE("a row-local update walks the key in one pass and changes only rows that differ") {
  Totals shop;
  const auto statements = *lower::direct_update(shop.program, shop.fix(), Dialect::sqlite);
  CHECK(has(shop.plan(statements.change), "SEARCH t0 USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"));
  CHECK(shop.query(statements.probe) == "3;");
  CHECK(shop.query(statements.last) == "5;");
  CHECK(shop.query(statements.bound_first, {integer(1)}) == "2;");
  CHECK(shop.query(statements.bound, {integer(2), integer(1)}) == "4;");
  CHECK(shop.query(statements.bound, {integer(2), integer(9)}) == "");
  CHECK(shop.change(statements.change_first, {integer(2)}) == "1");
  CHECK(shop.change(statements.change, {integer(2), integer(5)}) == "2");
  CHECK(shop.query(statements.probe) == "0;");
}

TEST_CASE("an overflow is an error, in the condition and in the value") {
  Totals shop;
  shop.run("UPDATE orders SET subtotal = 9223372036854775807, tax = 1, total = 0 WHERE id = 1");
  const auto statements = *lower::direct_update(shop.program, shop.fix(), Dialect::sqlite);
  CHECK(has(shop.query(statements.probe), "error: "));
  CHECK(has(shop.query(statements.probe), "does not fit an int"));
  CHECK(has(shop.change(statements.change_first, {integer(5)}), "does not fit an int"));
  // The one overflow that SQLite's REAL would hide.
  shop.run("UPDATE orders SET subtotal = -9223372036854775808, tax = -1, total = -9223372036854775808 WHERE id = 1");
  CHECK(has(shop.query(statements.probe), "does not fit an int"));
  shop.run("UPDATE orders SET tax = 0 WHERE id = 1");
  CHECK(shop.query(statements.probe) == "3;");
}

TEST_CASE("a constant is written only where the row holds another, null included") {
  Totals shop;
  auto step = shop.update("orders", {.inputs = {shop.anchor(0, "orders")}}, {{"customer_id", constant(1)}}, {"id"});
  const auto statements = *lower::direct_update(shop.program, step, Dialect::sqlite);
  CHECK(shop.query(statements.probe) == "3;");
  CHECK(shop.change(statements.change_first, {integer(5)}) == "3");
  CHECK(shop.change(statements.change_first, {integer(5)}) == "0");
}

TEST_CASE("composite, text and quoted keys are walked by their index") {
  Shop shop(R"(CREATE TABLE "Mixed T"("K 1" TEXT NOT NULL, b INTEGER NOT NULL, n INTEGER, PRIMARY KEY("K 1", b)) WITHOUT ROWID;
    INSERT INTO "Mixed T" VALUES('a', 1, 0), ('a', 2, 0), ('b', 1, 0), ('ü', 1, 0);
    CREATE TABLE u(x INT, code VARCHAR(20) NOT NULL UNIQUE, n INT); INSERT INTO u VALUES(1, 'b', 0), (2, 'a', 0);)");
  auto step = shop.update("Mixed T", {.inputs = {shop.anchor(0, "Mixed T")}}, {{"n", constant(1)}}, {"K 1", "b"});
  auto statements = *lower::direct_update(shop.program, step, Dialect::sqlite);
  CHECK(has(shop.plan(statements.change), "USING PRIMARY KEY (("));
  CHECK(has(shop.plan(statements.bound), "USING PRIMARY KEY (("));
  CHECK_FALSE(has(shop.plan(statements.bound), "TEMP B-TREE"));
  CHECK(shop.query(statements.bound_first, {integer(1)}) == "a 2;");
  CHECK(shop.query(statements.last) == "ü 1;");
  CHECK(shop.change(statements.change_first, {text("a"), integer(2)}) == "2");
  CHECK(shop.change(statements.change, {text("a"), integer(2), text("ü"), integer(1)}) == "2");

  step = shop.update("u", {.inputs = {shop.anchor(0, "u")}}, {{"n", constant(1)}}, {"code"});
  statements = *lower::direct_update(shop.program, step, Dialect::sqlite);
  CHECK(has(shop.plan(statements.change), "USING INDEX sqlite_autoindex_u_1 (code>? AND code<?)"));
  CHECK(shop.query(statements.bound_first, {integer(0)}) == "a;");
  CHECK(shop.change(statements.change, {text("a"), text("b")}) == "1");
}

TEST_CASE("an index on another column does not take the walk's place") {
  Shop shop(std::string(orders) +
            "CREATE INDEX by_subtotal ON orders(subtotal); CREATE INDEX by_status ON orders(status, subtotal); CREATE INDEX by_time ON "
            "orders(created_at)");
  const auto wanted = lower::compare(CompareOp::greater, shop.col(0, "orders", "subtotal"), constant(5));
  const auto recent = lower::compare(CompareOp::greater_equal, shop.col(0, "orders", "created_at"),
                                     lower::literal(*parse_timestamp("2025-03-02T00:00:00Z"), {Kind::timestamp}));
  auto step = shop.update("orders", {.inputs = {shop.anchor(0, "orders")}, .filters = {where(wanted), where(recent)}},
                          {{"status", constant("x")}}, {"id"});
  const auto statements = *lower::direct_update(shop.program, step, Dialect::sqlite);
  CHECK(has(shop.plan(statements.change), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"));
  CHECK(shop.query(statements.probe) == "2;");
}

TEST_CASE("a time kept as text is compared exactly, and an index narrows the search") {
  Shop shop(std::string(orders) +
            "CREATE INDEX by_time ON orders(created_at); INSERT INTO orders VALUES(6, 1, 1, 1, 2, 'new', '2025-03-02 01:30:00+02:00')");
  const auto recent = lower::compare(CompareOp::less, shop.col(0, "orders", "created_at"),
                                     lower::literal(*parse_timestamp("2025-03-02T00:00:00Z"), {Kind::timestamp}));
  Relation relation{.inputs = {shop.anchor(0, "orders")},
                    .filters = {where(recent)},
                    .fields = {{"id", shop.col(0, "orders", "id")}},
                    .order = {{shop.col(0, "orders", "id")}}};
  const auto statement = lower::select(shop.program, relation, Dialect::sqlite);
  CHECK(shop.query(statement) == "1;6;");
  relation.order.clear();
  const std::string plan = shop.plan(lower::select(shop.program, relation, Dialect::sqlite));
  CHECK_MESSAGE(has(plan, "INDEX by_time (created_at<?)"), plan);
}

TEST_CASE("a decimal kept as a binary number is compared exactly, and an index narrows the search") {
  Shop shop(std::string(orders) + "CREATE INDEX by_amount ON lines(amount);");
  const auto found = [&](CompareOp op, const char* number) {
    Relation relation{
        .inputs = {shop.anchor(0, "lines")},
        .filters = {where(lower::compare(op, shop.col(0, "lines", "amount"), lower::literal(*Decimal::parse(number), {Kind::decimal})))},
        .fields = {{"amount", shop.col(0, "lines", "amount")}},
        .order = {{shop.col(0, "lines", "amount")}}};
    const auto statement = lower::select(shop.program, relation, Dialect::sqlite);
    CHECK(has(shop.plan(statement), "INDEX by_amount (amount"));
    return shop.query(statement);
  };
  CHECK(found(CompareOp::equal, "1.1") == "1.1;");
  CHECK(found(CompareOp::greater, "1.1") == "2.2;");
  CHECK(found(CompareOp::greater_equal, "1.1") == "1.1;2.2;");
  CHECK(found(CompareOp::less, "0.2") == "0.1;");
  CHECK(found(CompareOp::less, "0.2000000000000000000000001") == "0.1;0.2;");
}

TEST_CASE("a condition longer than SQLite's tree may be deep is still one condition") {
  Totals shop;
  for (const bool any : {true, false}) {
    std::vector<ExprPtr> parts;
    for (std::int64_t i = 0; i < 3000; ++i)
      parts.push_back(
          lower::compare(any ? CompareOp::equal : CompareOp::not_equal, shop.col(0, "orders", "id"), constant(any ? i : i + 3)));
    Relation relation{.inputs = {shop.anchor(0, "orders")},
                      .filters = {where(any ? lower::any_of(parts) : lower::all_of(parts))},
                      .fields = {{"id", shop.col(0, "orders", "id")}}};
    CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite)) == (any ? "1;2;3;4;5;" : "1;2;"));
  }
}

TEST_CASE("null is compared like any value, ordering with null is false, not e is e != true") {
  Totals shop;
  const auto ids = [&](ExprPtr condition) {
    Relation relation{.inputs = {shop.anchor(0, "orders")},
                      .filters = {where(std::move(condition))},
                      .fields = {{"id", shop.col(0, "orders", "id")}},
                      .order = {{shop.col(0, "orders", "id")}}};
    return shop.query(lower::select(shop.program, relation, Dialect::sqlite));
  };
  const auto total = shop.col(0, "orders", "total"), tax = shop.col(0, "orders", "tax");
  const auto null = lower::literal(Value(), Type{Kind::null, true});
  CHECK(ids(lower::compare(CompareOp::equal, total, null)) == "3;4;");
  CHECK(ids(lower::compare(CompareOp::not_equal, total, constant(12))) == "2;3;4;5;");
  CHECK(ids(lower::compare(CompareOp::greater, total, constant(10))) == "1;");
  CHECK(ids(lower::negation(lower::compare(CompareOp::greater, total, constant(10)))) == "2;3;4;5;");
  CHECK(ids(lower::compare(CompareOp::equal, total, tax)) == "4;");
  CHECK(ids(lower::any_of({lower::compare(CompareOp::less, total, constant(8)), lower::compare(CompareOp::equal, tax, null)})) == "4;5;");
}

TEST_CASE("what can fail is not evaluated for rows that an earlier condition excludes") {
  Totals shop;
  shop.run("UPDATE orders SET tax = 0 WHERE id = 2");
  const auto safe = lower::compare(CompareOp::not_equal, shop.col(0, "orders", "tax"), constant(std::int64_t{0}));
  const auto ratio =
      lower::compare(CompareOp::greater,
                     shop.call("div", {shop.col(0, "orders", "subtotal"), shop.col(0, "orders", "tax")}, {Kind::integer}), constant(4));
  const auto ids = [&](std::vector<Filter> filters) {
    Relation relation{.inputs = {shop.anchor(0, "orders")},
                      .filters = std::move(filters),
                      .fields = {{"id", shop.col(0, "orders", "id")}},
                      .order = {{shop.col(0, "orders", "id")}}};
    return shop.query(lower::select(shop.program, relation, Dialect::sqlite));
  };
  CHECK(has(ids({where(ratio)}), "error: "));
  CHECK_FALSE(has(ids({where(safe), where(ratio)}), "error: "));
  CHECK_FALSE(has(ids({where(lower::all_of({safe, ratio}))}), "error: "));
}

TEST_CASE("a join that must find exactly one row fails with the key of the row that it did not find") {
  Totals shop;
  const auto on = lower::compare(CompareOp::equal, shop.col(1, "customers", "id"), shop.col(0, "orders", "customer_id"));
  Relation relation{.inputs = {shop.anchor(0, "orders"), shop.join(1, InputKind::one, "customers", "c", on, true)},
                    .filters = {where(lower::compare(CompareOp::less_equal, shop.col(0, "orders", "id"), constant(3)))},
                    .fields = {{"id", shop.col(0, "orders", "id")}, {"name", shop.col(1, "customers", "name")}},
                    .order = {{shop.col(0, "orders", "id")}}};
  CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite)) == "1 Ada;2 Ada;3 Bob;");
  relation.filters.clear();
  CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite))
            .find("error: join one c found no row for id = 4, customer_id = null") != std::string::npos);
  relation.inputs[1].skip_missing = true;
  CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite)) == "1 Ada;2 Ada;3 Bob;");
  relation.inputs[1].kind = InputKind::optional;
  CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite)) == "1 Ada;2 Ada;3 Bob;4 null;5 null;");
}

TEST_CASE("a join one over rows that are not proved unique fails where it finds several") {
  Totals shop;
  const auto on = lower::compare(CompareOp::equal, shop.col(1, "lines", "order_id"), shop.col(0, "orders", "id"));
  Relation relation{.inputs = {shop.anchor(0, "orders"), shop.join(1, InputKind::optional, "lines", "", on, false)},
                    .filters = {where(lower::compare(CompareOp::greater, shop.col(0, "orders", "id"), constant(2)))},
                    .fields = {{"id", shop.col(0, "orders", "id")}, {"amount", shop.col(1, "lines", "amount")}},
                    .order = {{shop.col(0, "orders", "id")}}};
  CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite)) == "3 null;4 null;5 null;");
  relation.filters.clear();
  CHECK(
      has(shop.query(lower::select(shop.program, relation, Dialect::sqlite)), "error: join optional lines found several rows for id = 1"));
  // A filter before the join spares the rows that it excludes, one after it does not.
  relation.filters = {where(lower::compare(CompareOp::greater, shop.col(0, "orders", "id"), constant(2)), 2)};
  CHECK(has(shop.query(lower::select(shop.program, relation, Dialect::sqlite)), "several rows"));
}

TEST_CASE("an update takes values from a joined row and still walks the key") {
  Totals shop;
  const auto on = lower::compare(CompareOp::equal, shop.col(1, "customers", "id"), shop.col(0, "orders", "customer_id"));
  Relation relation{.inputs = {shop.anchor(0, "orders"), shop.join(1, InputKind::one, "customers", "c", on, true)}};
  relation.inputs[1].skip_missing = true;
  const auto step = shop.update("orders", relation, {{"status", shop.col(1, "customers", "name")}}, {"id"});
  const auto statements = *lower::direct_update(shop.program, step, Dialect::sqlite);
  const std::string plan = shop.plan(statements.change);
  CHECK_MESSAGE(has(plan, "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"), plan);
  CHECK_MESSAGE(!has(plan, "SCAN"), plan);
  CHECK(shop.query(statements.probe) == "3;");
  CHECK(shop.change(statements.change_first, {integer(2)}) == "2");
  CHECK(shop.change(statements.change, {integer(2), integer(5)}) == "1");
  CHECK(shop.query(statements.probe) == "0;");
}

TEST_CASE("groups sum decimals exactly and can be joined") {
  Totals shop;
  auto sum = std::make_shared<const Aggregate>(Aggregate{.kind = AggregateKind::sum, .operand = shop.col(10, "lines", "amount")});
  Relation grouped{.inputs = {shop.anchor(10, "lines")}, .grouped = true, .group_by = {shop.col(10, "lines", "order_id")}};
  const auto over_group = [](Kind kind, std::shared_ptr<const Aggregate> aggregate) {
    Expr expr;
    expr.kind = ExprKind::aggregate;
    expr.type.kind = kind;
    expr.aggregate = std::move(aggregate);
    return std::make_shared<const Expr>(std::move(expr));
  };
  const auto aggregate = over_group(Kind::decimal, sum);
  const auto rows = over_group(Kind::integer, std::make_shared<const Aggregate>(Aggregate{.kind = AggregateKind::count}));
  grouped.fields = {{"order_id", shop.col(10, "lines", "order_id")}, {"amount", aggregate}, {"n", rows}};
  grouped.order = {{shop.col(10, "lines", "order_id")}};
  CHECK(shop.query(lower::select(shop.program, grouped, Dialect::sqlite)) == "1 3.3 2;2 0.3 2;3 0 1;");

  grouped.order.clear();
  Input sums{.id = 11, .kind = InputKind::one, .alias = "s", .sub = std::make_shared<const Relation>(grouped)};
  sums.on = lower::compare(CompareOp::equal, lower::column_of(11, 0, {Kind::integer, true}), shop.col(0, "orders", "id"));
  sums.at_most_one = true;
  Relation relation{.inputs = {shop.anchor(0, "orders"), sums},
                    .fields = {{"id", shop.col(0, "orders", "id")}, {"amount", lower::column_of(11, 1, {Kind::decimal})}}};
  CHECK(has(shop.query(lower::select(shop.program, relation, Dialect::sqlite)), "error: join one s found no row for id = 4"));
  relation.inputs[1].skip_missing = true;
  relation.order = {{shop.col(0, "orders", "id")}};
  CHECK(shop.query(lower::select(shop.program, relation, Dialect::sqlite)) == "1 3.3;2 0.3;3 0;");
}

TEST_CASE("assertions over relations are one value") {
  Totals shop;
  const auto over = [&](AggregateKind kind, ExprPtr operand, Type type) {
    Relation relation{.inputs = {shop.anchor(20, "orders")},
                      .filters = {where(lower::compare(CompareOp::less, shop.col(20, "orders", "id"), constant(4)))}};
    if (operand) relation.fields = {{"x", operand}};
    auto aggregate = std::make_shared<const Aggregate>(Aggregate{.kind = kind, .operand = operand});
    return std::make_shared<const Expr>(
        Expr{.kind = ExprKind::subquery, .type = type, .relation = std::make_shared<const Relation>(relation), .aggregate = aggregate});
  };
  const auto value = [&](ExprPtr expr) { return shop.query(lower::scalar(shop.program, expr, Dialect::sqlite)); };
  CHECK(value(over(AggregateKind::count, nullptr, {Kind::integer})) == "3;");
  CHECK(value(over(AggregateKind::exists, nullptr, {Kind::boolean})) == "true;");
  CHECK(value(over(AggregateKind::sum, shop.col(20, "orders", "total"), {Kind::integer})) == "22;");
  CHECK(value(over(AggregateKind::max, shop.col(20, "orders", "created_at"), {Kind::timestamp, true})) == "2025-03-03T10:00:00Z;");
  CHECK(value(lower::compare(CompareOp::less_equal, over(AggregateKind::count, nullptr, {Kind::integer}), constant(3))) == "true;");
  CHECK(value(shop.call("+", {over(AggregateKind::count, nullptr, {Kind::integer}), constant(4)}, {Kind::integer})) == "7;");
}

TEST_CASE("membership in a relation is a lookup in a set, and null is a member like any value") {
  Shop shop(
      R"(CREATE TABLE t(id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE, at TIMESTAMP); CREATE TABLE gone(email TEXT, at TIMESTAMP, n INT NOT NULL);
    INSERT INTO t VALUES(1, 'a', '2025-03-01T10:00:00Z'), (2, 'B', '2025-03-02 10:00:00'), (3, NULL, NULL), (4, 'd', NULL);
    INSERT INTO gone VALUES('a', '2025-03-01 12:00:00+02:00', 1), ('b', NULL, 2);)");
  const auto ids = [&](ExprPtr mine, ExprPtr theirs, std::int64_t below, bool in, bool indexed = false) {
    Expr exists;
    exists.kind = ExprKind::subquery;
    exists.type.kind = Kind::boolean;
    exists.aggregate = std::make_shared<const Aggregate>(Aggregate{.kind = AggregateKind::exists});
    exists.relation = std::make_shared<const Relation>(
        Relation{.inputs = {shop.anchor(7, "gone")},
                 .filters = {where(lower::compare(CompareOp::less, shop.col(7, "gone", "n"), constant(below))),
                             where(lower::compare(CompareOp::equal, theirs, mine))}});
    ExprPtr member = std::make_shared<const Expr>(exists);
    if (!in) member = lower::negation(member);
    Relation relation{.inputs = {shop.anchor(0, "t")},
                      .filters = {where(member)},
                      .fields = {{"id", shop.col(0, "t", "id")}},
                      .order = {{shop.col(0, "t", "id")}}};
    const auto statement = lower::select(shop.program, relation, Dialect::sqlite);
    CHECK(has(statement.text, " IN (SELECT ") == !indexed);
    return shop.query(statement);
  };
  const auto email = shop.col(0, "t", "email"), gone = shop.col(7, "gone", "email");
  CHECK(ids(email, gone, 9, true) == "1;");
  CHECK(ids(email, gone, 9, false) == "2;3;4;");
  CHECK(ids(shop.col(0, "t", "at"), shop.col(7, "gone", "at"), 9, true) == "1;3;4;");
  CHECK(ids(shop.col(0, "t", "at"), shop.col(7, "gone", "at"), 2, true) == "1;");
  CHECK(ids(shop.col(0, "t", "id"), shop.col(7, "gone", "n"), 9, true) == "1;2;");
  CHECK(ids(shop.col(0, "t", "id"), shop.col(7, "gone", "n"), 9, false) == "3;4;");
  shop.program.catalogues[0].tables[static_cast<std::size_t>(shop.ref("gone").table)].indexes.push_back({shop.at("gone", "n")});
  CHECK(ids(shop.col(0, "t", "id"), shop.col(7, "gone", "n"), 9, true, true) == "1;2;");
}

TEST_CASE("a sealed update lists keys, images and new values in key order") {
  Totals shop;
  auto step = shop.fix();
  const auto rows = lower::intents(shop.program, step, Dialect::sqlite, false)->own;
  const auto hand = lower::hands(shop.program, step, Dialect::sqlite).own;
  CHECK(shop.query(rows.select) ==
        "2 2 1 10 2 10 new 2025-03-02T10:00:00Z 12;3 3 2 20 4 null paid 2025-03-03T10:00:00Z 24;5 5 9 5 1 7 paid 2025-03-05T10:00:00Z 6;");
  CHECK(shop.query(hand.read, {integer(4)}) == "4 null 5 null null new null;");
  CHECK(shop.change(hand.change, {integer(12), integer(2)}) == "1");
  CHECK(shop.query(rows.probe) == "2;");
  step.idempotence = program::Idempotence::once;
  const auto once = *lower::recompute(shop.program, step, Dialect::sqlite);
  CHECK(shop.query(once, {integer(3)}) == "24;");
  CHECK(shop.query(once, {integer(1)}) == "");  // its condition no longer holds
}

TEST_CASE("a limited relation changes its own rows only") {
  Totals shop;
  Relation first{.inputs = {shop.anchor(0, "orders")},
                 .order = {{shop.col(0, "orders", "subtotal"), true}, {shop.col(0, "orders", "id")}},
                 .limit = 2};
  const auto step = shop.update("orders", first, {{"status", constant("top")}}, {"id"});
  const auto rows = lower::intents(shop.program, step, Dialect::sqlite, false)->own;
  CHECK(shop.query(rows.probe) == "2;");
  CHECK(has(shop.query(rows.select), "1 1 1 10 2 12 new"));
  CHECK(has(shop.query(rows.select), "3 3 2 20 4 null paid"));
}

TEST_CASE("a table without key is read by rowid, whatever its columns are called") {
  Shop shop("CREATE TABLE t(rowid TEXT, _rowid_ INT, n INT); INSERT INTO t VALUES('x', 5, 0);");
  const auto step = shop.update("t", {.inputs = {shop.anchor(0, "t")}}, {{"n", constant(1)}}, {});
  const auto rows = lower::intents(shop.program, step, Dialect::sqlite, false)->own;
  const auto hand = lower::hands(shop.program, step, Dialect::sqlite).own;
  CHECK(shop.query(rows.select) == "1 x 5 0 1;");
  CHECK(shop.change(hand.change, {integer(1), integer(1)}) == "1");
}
