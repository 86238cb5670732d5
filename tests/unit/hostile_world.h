// A table of hostile values, and the means to evaluate an expression over it both in SQL and by the evaluator.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "interpreter/eval/evaluate.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/sql.h"
#include "tests/unit/postgres_database.h"
#include "tests/unit/scratch_database.h"

namespace bfl::hostile_world {

using connect::RawValue;
using lower::Dialect;
using program::Aggregate;
using program::AggregateKind;
using program::CompareOp;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using program::Relation;

constexpr int rows = 120;
constexpr int columns_per_kind = 3;
inline const eval::Context context{Timestamp{1'740'787'200'000'000}};

// The same tests are compiled a second time for PostgreSQL, with BFL_WORLD_POSTGRES. Without a server (BFL_POSTGRES names the
// folder that tests/postgres.sh has filled) that program ends with 77: skipped.
#ifdef BFL_WORLD_POSTGRES
inline constexpr Dialect dialect = Dialect::postgres;
#else
inline constexpr Dialect dialect = Dialect::sqlite;
#endif

// The kinds that a column can have, each with a declared type of SQLite and one of PostgreSQL.
struct StoredKind {
  Kind kind;
  const char* declared;
  const char* postgres;
  Storage storage;
};
inline const StoredKind stored_kinds[] = {
    {Kind::boolean, "BOOLEAN", "boolean", Storage::boolean_integer},
    {Kind::integer, "INTEGER", "bigint", Storage::native},
    {Kind::decimal, "NUMERIC(20,6)", "numeric", Storage::decimal_numeric},
    {Kind::decimal, "TEXT", "numeric", Storage::decimal_text},
    {Kind::floating, "REAL", "double precision", Storage::native},
    {Kind::text, "TEXT", "text", Storage::native},
    {Kind::text, "TEXT COLLATE NOCASE", "varchar(400)", Storage::native},
    {Kind::bytes, "BLOB", "bytea", Storage::native},
    {Kind::date, "DATE", "date", Storage::iso_text},
    {Kind::timestamp, "DATETIME", "timestamptz", Storage::iso_text},
    {Kind::duration, "INTEGER", "bigint", Storage::native},
    {Kind::uuid, "UUID", "uuid", Storage::uuid_text},
    {Kind::uuid, "BLOB", "uuid", Storage::uuid_blob},
    {Kind::json, "JSON", "jsonb", Storage::json_text},
};

inline std::vector<Value> hostile(Kind kind) {
  std::vector<Value> values{Value()};
  const auto add = [&](auto... more) { (values.push_back(Value(more)), ...); };
  switch (kind) {
    case Kind::boolean: add(true, false); break;
    case Kind::integer:
      for (std::int64_t v : {INT64_MIN, INT64_MIN + 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{3},
                             std::int64_t{7}, std::int64_t{28}, std::int64_t{63}, std::int64_t{64}, std::int64_t{1000},
                             (std::int64_t{1} << 53) + 1, INT64_MAX - 1, INT64_MAX})
        add(v);
      break;
    case Kind::decimal:
      for (const char* text :
           {"0", "1", "-1", "0.1", "0.2", "0.3", "-0.005", "2.5", "3.5", "1e15", "123456.789", "99999999999999", "0.000001", "-12.5",
            "1e300", "123456789012345678901234567890.123456789", "0.00000000000000000000000000000000000001"})
        add(*Decimal::parse(text));
      break;
    case Kind::floating: {
      using limits = std::numeric_limits<double>;
      for (double v : {0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, limits::infinity(), -limits::infinity(), limits::denorm_min(),
                       limits::max(), 9007199254740993.0, limits::quiet_NaN()})
        add(v);
      break;
    }
    case Kind::text:
      for (const char* text : {"",
                               " ",
                               "a",
                               "A",
                               "abc",
                               "ABC",
                               "Straße",
                               "ÀÉÎ",
                               "e\u0301",
                               "\u00e9",
                               "İ",
                               "ﬁ",
                               "𝔘",
                               "日本語",
                               "  spaced\t out\n",
                               "12",
                               "-12.50",
                               "1e3",
                               "nan",
                               "true",
                               "2025-02-29",
                               "2024-02-29",
                               "2025-03-01T10:00:00Z",
                               "00000000-0000-0000-0000-00000000000A",
                               "{\"a\": [1, 2.50, null], \"b\": \"x\"}",
                               "[]",
                               "null",
                               "(a+)+b",
                               "[",
                               "a.*c",
                               "\\d+",
                               "YYYY-MM-DD",
                               "month",
                               "%d.%m.%Y",
                               "%Y-%m-%d",
                               "%Y-%m-%d",
                               "01.03.2025",
                               "2025-03-01",
                               "a,b,,c",
                               ",",
                               "'; drop table t; --",
                               "%_\\",
                               "d29ybGQ=",
                               "0aff",
                               "a:1:{i:0;b:1;}",
                               "/a/0",
                               "Europe/London",
                               "https://example.com/p?a=1&month=2",
                               "a"})
        add(std::string(text));
      add(std::string("nul\0inside", 10), std::string(300, 'x'));
      break;
    case Kind::bytes: add(Bytes{""}, Bytes{std::string("\0\xff\x80", 3)}, Bytes{"abc"}, Bytes{"\xc3\x28"}); break;
    case Kind::date:
      for (std::int32_t v : {min_date_days, min_date_days + 1, -1, 0, 11016, 18321, 20148, 20150, max_date_days - 1, max_date_days})
        add(Date{v});
      break;
    case Kind::timestamp:
      for (std::int64_t v : {min_timestamp_micros, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{1'740'787'199'999'999},
                             std::int64_t{1'740'787'200'000'000}, max_timestamp_micros})
        add(Timestamp{v});
      break;
    case Kind::duration:
      for (std::int64_t v : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{90'000'000}, micros_per_day,
                             40 * micros_per_day, INT64_MAX})
        add(Duration{v});
      break;
    case Kind::uuid: {
      Uuid high;
      high.data.fill(0xff);
      add(Uuid{}, high, *parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
      break;
    }
    case Kind::json:
      for (const char* text : {"null", "true", "0", "-1.50", "1e2", "\"\"", "\"\\u00e9\"", "[]", "[1, \"a\", null]", "{}",
                               "{\"a\": 1, \"b\": {\"c\": [1.10]}}", "{\"b\": {\"c\": [1.1]}, \"a\": 1.0}", "{\"a\": null}",
                               "{\"a\": true}", "{\"a\": false}", "9223372036854775808", "[1, 2]"})
        add(Json{text});
      break;
    default: break;
  }
  return values;
}

// The table of hostile values, and the rows as the connector reads them back: what SQLite cannot store is not in a column.
struct World {
  std::conditional_t<dialect == Dialect::postgres, PostgresDatabase, ScratchDatabase> database;
  std::unique_ptr<connect::Connector> connector;
  program::Program program;
  std::vector<Value> cells;  // row-major
  std::vector<std::unique_ptr<program::Native>> natives;
  std::map<Kind, std::vector<ExprPtr>> columns;
  std::mt19937 random{20250301};
  int compared = 0, failures = 0, refused = 0;

#ifdef BFL_WORLD_POSTGRES
  World() {
    connector = database.open();
    REQUIRE(connector->execute(create()));
#else
  World() : database(create()) {
    connector = database.open();
#endif
    auto catalogue = connector->catalogue();
    REQUIRE(catalogue);
    program.catalogues.push_back(std::move(*catalogue));
    Table& table = program.catalogues[0].tables.at(0);
    int column = 1;
    for (const StoredKind& stored : stored_kinds)
      for (int i = 0; i < columns_per_kind; ++i, ++column) {
        Column& at = table.columns.at(static_cast<std::size_t>(column));
        at.type.kind = stored.kind;
        if (dialect == Dialect::sqlite) at.storage = stored.storage;
        if (stored.kind == Kind::timestamp && i == 1) at.time_separator = 'T', at.time_suffix = "Z";
        columns[stored.kind].push_back(lower::column_of(0, column, at.type));
      }
    fill(table);
  }

  static std::string create() {
    std::string sql = "CREATE TABLE h(id INTEGER PRIMARY KEY";
    for (std::size_t i = 0; i < std::size(stored_kinds) * columns_per_kind; ++i)
      sql += ", c" + std::to_string(i) + " " +
             (dialect == Dialect::postgres ? stored_kinds[i / columns_per_kind].postgres : stored_kinds[i / columns_per_kind].declared);
    return sql + ")";
  }

  void fill(const Table& table) {
    const bool postgres = dialect == Dialect::postgres;
    lower::Statement statement;
    statement.text = std::string("INSERT INTO h VALUES(") + (postgres ? "$1" : "?1");
    for (std::size_t i = 1; i < table.columns.size(); ++i) {
      const std::string& declared = table.columns[i].declared;
      const std::string place = (postgres ? "$" : "?") + std::to_string(i + 1);
      statement.text += ", " + (!postgres                                  ? place
                                : declared == "timestamp with time zone" ? "(" + place + " AT TIME ZONE 'UTC')"
                                : declared == "jsonb"                      ? place + "::jsonb"
                                                                           : place);
    }
    statement.text += ")";
    for (const Column& column : table.columns) statement.parameters.push_back(lower::wire_of(column));
    auto insert = connector->prepare(statement, context);
    REQUIRE(insert);
    REQUIRE(connector->begin_write());
    cells.reserve(rows * table.columns.size());  // encoded bytes may point into a cell
    for (int row = 0; row < rows; ++row) {
      std::vector<std::string> arenas(table.columns.size());
      std::vector<RawValue> raw{{.kind = RawValue::Class::integer, .integer = row}};
      cells.push_back(std::int64_t{row});
      for (std::size_t i = 1; i < table.columns.size(); ++i) {
        const lower::Wire wire = lower::wire_of(table.columns[i]);
        const auto values = hostile(table.columns[i].type.kind);
        for (;;) {
          cells.resize(static_cast<std::size_t>(row) * table.columns.size() + i);
          cells.push_back(values[random() % values.size()]);
          arenas[i].reserve(64);
          auto encoded = connector->encode(cells.back(), wire, arenas[i]);
          if (!encoded) continue;  // this form cannot hold it
          raw.push_back(*encoded);
          break;
        }
      }
      auto done = (*insert)->run_raw(raw);
      REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
    }
    REQUIRE(connector->commit());
    cells.clear();
    auto select = connector->prepare("SELECT * FROM h ORDER BY id");
    REQUIRE(select);
    REQUIRE((*select)->query_raw({}, [&](connect::RawRow row) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        auto value = connector->decode(row[i], lower::wire_of(table.columns[i]));
        REQUIRE_MESSAGE(value, (value ? "" : table.columns[i].declared + ": " + value.error().message));
        cells.push_back(*value);
      }
      return true;
    }));
    REQUIRE(cells.size() == rows * table.columns.size());
  }

  const Value& cell(int row, int column) const {
    return cells[static_cast<std::size_t>(row) * program.catalogues[0].tables[0].columns.size() + static_cast<std::size_t>(column)];
  }

  eval::Outcome evaluate(const eval::Compiled& compiled, int row) const {
    std::vector<Value> slots;
    for (const eval::Slot& slot : compiled.slots()) slots.push_back(cell(row, slot.expr->column));
    return compiled.run(slots);
  }

  program::Input anchor() const { return {.id = 0, .kind = program::InputKind::anchor, .alias = "", .table = program::TableRef{0, 0}}; }
  ExprPtr id() const { return lower::column_of(0, 0, {Kind::integer}); }

  // The expression in SQL for the given rows: by row number, or the error that stopped it.
  Result<std::map<int, Value>> in_sql(const ExprPtr& expr, const std::vector<int>& wanted, bool as_condition) {
    Expr list;
    list.kind = ExprKind::in_list;
    list.type.kind = Kind::boolean;
    list.args = {id()};
    for (int row : wanted) list.args.push_back(lower::literal(std::int64_t{row}, {Kind::integer}));
    Relation relation{
        .inputs = {anchor()}, .filters = {{.condition = std::make_shared<const Expr>(std::move(list))}}, .fields = {{"id", id()}}};
    if (as_condition) relation.filters.push_back({.condition = expr});
    else relation.fields.push_back({"x", expr});
    const auto statement = lower::select_in(program, relation, dialect);
    if (!statement) return statement.error();
    auto prepared = connector->prepare(*statement, context);
    if (!prepared) return prepared.error();
    std::map<int, Value> found;
    std::optional<Error> bad;
    auto done = (*prepared)->query_raw({}, [&](connect::RawRow row) {
      auto value = as_condition ? Result<Value>(Value(true)) : connector->decode(row[1], statement->columns[1]);
      if (!value) bad = value.error();
      else found[static_cast<int>(row[0].integer)] = *value;
      return !bad;
    });
    if (!done) return done.error();
    if (bad) return *bad;
    return found;
  }

  // Both must give the same for every row.
  void same(const ExprPtr& expr, const std::string& what) {
    INFO(what);
    const auto compiled = eval::compile(expr, context);
    std::vector<int> fine, failing;
    std::vector<eval::Outcome> outcomes;
    for (int row = 0; row < rows; ++row) {
      outcomes.push_back(evaluate(*compiled, row));
      (std::holds_alternative<Value>(outcomes.back()) ? fine : failing).push_back(row);
    }
    const bool boolean = expr->type.kind == Kind::boolean;
    if (!fine.empty()) {
      auto values = in_sql(expr, fine, false);
      if (!values && values.error().kind == ErrorClass::refused) return void(++refused);  // not said in SQL at all
      REQUIRE_MESSAGE(values, (values ? "" : values.error().message + "\n" + values.error().detail));
      CHECK(values->size() == fine.size());
      for (int row : fine) {
        const Value& expected = std::get<Value>(outcomes[static_cast<std::size_t>(row)]);
        const Value& found = (*values)[row];
        ++compared;
        if (!equal(found, expected))
          FAIL_CHECK("row " << row << ": SQL gives " << to_literal(found) << ", the evaluator " << to_literal(expected)
                            << arguments(*compiled, row));
      }
      if (boolean) {
        auto chosen = in_sql(expr, fine, true);
        REQUIRE_MESSAGE(chosen, (chosen ? "" : chosen.error().message + "\n" + chosen.error().detail));
        for (int row : fine) {
          const Value& expected = std::get<Value>(outcomes[static_cast<std::size_t>(row)]);
          const bool wanted = !expected.is_null() && expected.as<bool>();
          if (wanted != chosen->contains(row))
            FAIL_CHECK("row " << row << ": as a condition SQL says " << chosen->contains(row) << arguments(*compiled, row));
        }
      }
    }
    for (std::size_t i = 0; i < failing.size() && i < 8; ++i) {
      if (auto said = in_sql(expr, {}, false); !said && said.error().kind == ErrorClass::refused) return void(++refused);
      auto values = in_sql(expr, {failing[i]}, boolean && i % 2 == 1);
      const auto& expected = std::get<eval::Failure>(outcomes[static_cast<std::size_t>(failing[i])]);
      ++failures;
      // Between conjuncts of a `where`, one that excludes the row may be tested before one that fails.
      if (values && boolean && i % 2 == 1) {
        CHECK(values->empty());
        continue;
      }
      if (values)
        FAIL_CHECK("row " << failing[i] << ": SQL gives a value, the evaluator fails: " << expected.message
                          << arguments(*compiled, failing[i]));
      else if (dialect == Dialect::sqlite) CHECK(values.error().message == expected.message);
      if (!values) CHECK(values.error().kind == ErrorClass::data);
    }
  }

  std::string arguments(const eval::Compiled& compiled, int row) const {
    std::string text = "; columns:";
    for (const eval::Slot& slot : compiled.slots()) text += " " + to_literal(cell(row, slot.expr->column));
    return text;
  }

  // A column, or now and then a constant: constants can be what no column holds.
  ExprPtr leaf(const Type& type, std::size_t turn) {
    if (type.kind == Kind::array) {
      Expr array;
      array.kind = ExprKind::array;
      array.type = type.with_null(false);
      array.args = {leaf(*type.element, turn), leaf(*type.element, turn + 1)};
      return std::make_shared<const Expr>(std::move(array));
    }
    const auto& candidates = columns.at(type.kind);
    if (turn % 4 != 3) return candidates[turn % candidates.size()];
    const auto values = hostile(type.kind);
    const Value& value = values[random() % values.size()];
    return lower::literal(value, Type{type.kind, value.is_null()});
  }
};

inline ExprPtr make(ExprKind kind, Type type, std::vector<ExprPtr> args) {
  Expr expr;
  expr.kind = kind;
  expr.type = std::move(type);
  expr.args = std::move(args);
  return std::make_shared<const Expr>(std::move(expr));
}

// `name(kind,kind?,[kind])`
inline std::vector<Type> parameters(std::string_view signature) {
  std::vector<Type> types;
  std::string_view list = signature.substr(signature.find('(') + 1);
  list.remove_suffix(1);
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view word = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    const bool nullable = word.ends_with('?');
    if (nullable) word.remove_suffix(1);
    Type type;
    if (word.starts_with('[')) {
      Type element;
      element.kind = kind_named(word.substr(1, word.size() - 2)).value();
      type = array_of(element);
    } else {
      type.kind = kind_named(word).value();
    }
    types.push_back(type.with_null(nullable));
  }
  return types;
}

struct Function {
  const program::Native* native = nullptr;
  Type result;
  std::vector<ExprPtr> working;  // constants that give a value
};

// A function's result type, which the table of functions does not tell: found by calling it with everything hostile.
inline std::optional<Function> discover(World& world, std::string_view signature) {
  auto native = std::make_unique<program::Native>();
  native->signature = signature;
  native->name = signature.substr(0, signature.find('('));
  native->params = parameters(signature);
  const eval::NativeFunction implementation = eval::find_native(signature);
  if (implementation == nullptr) return {};
  std::vector<std::vector<Value>> choices;
  for (const Type& param : native->params) {
    std::vector<Value> values = hostile(param.kind == Kind::array ? param.element->kind : param.kind);
    std::erase_if(values, [&](const Value& value) { return value.is_null() && !param.nullable; });
    if (param.kind == Kind::array) {
      const std::vector<Value> one(values.begin(), values.begin() + 1);
      values = {Array{std::make_shared<const std::vector<Value>>(values)}, Array{std::make_shared<const std::vector<Value>>(one)}};
    }
    choices.push_back(std::move(values));
  }
  std::vector<std::size_t> at(choices.size());
  for (int tries = 0; tries < 200'000; ++tries) {
    Function function;
    std::vector<Value> args;
    for (std::size_t i = 0; i < at.size(); ++i) {
      args.push_back(choices[i][at[i]]);
      function.working.push_back(lower::literal(args.back(), native->params[i]));
    }
    const auto outcome = implementation(args);
    const auto* value = std::get_if<Value>(&outcome);
    const bool empty = value && value->kind() == Kind::array && value->as<Array>().items->empty();
    if (value && !value->is_null() && !empty) {
      native->result.kind = value->kind();
      if (value->kind() == Kind::array) {
        Type element;
        element.kind = value->as<Array>().items->front().kind();
        native->result = array_of(element);
      }
      native->result.nullable = true;
      function.native = native.get();
      function.result = native->result;
      world.natives.push_back(std::move(native));
      return function;
    }
    std::size_t digit = 0;  // count on, each place over its own choices
    while (digit < at.size() && ++at[digit] == choices[digit].size()) at[digit++] = 0;
    if (digit == at.size()) break;
  }
  return {};
}

inline ExprPtr call(const Function& function, std::vector<ExprPtr> args) {
  Expr expr;
  expr.kind = ExprKind::call;
  expr.type = function.result;
  expr.native = function.native;
  expr.args = std::move(args);
  return std::make_shared<const Expr>(std::move(expr));
}

inline ExprPtr comparison(CompareOp op, ExprPtr left, ExprPtr right) { return lower::compare(op, std::move(left), std::move(right)); }

}  // namespace bfl::hostile_world
