// An expression means the same in SQL and in the evaluator: every native function and every form of expression, over columns
// full of hostile values, computed by both and compared, failures and their words included.
//
// Functions are found in the evaluator's table and forms in the enumeration, so that a new one is tested unasked.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "interpreter/eval/evaluate.h"
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
using program::Relation;

namespace {

constexpr int rows = 120;
constexpr int columns_per_kind = 3;
const eval::Context context{Timestamp{1'740'787'200'000'000}};

// The kinds that a column can have, each with a declared type of SQLite.
struct StoredKind {
  Kind kind;
  const char* declared;
  Storage storage;
};
const StoredKind stored_kinds[] = {
    {Kind::boolean, "BOOLEAN", Storage::boolean_integer},   {Kind::integer, "INTEGER", Storage::native},
    {Kind::decimal, "NUMERIC(20,6)", Storage::decimal_numeric}, {Kind::decimal, "TEXT", Storage::decimal_text},
    {Kind::floating, "REAL", Storage::native},              {Kind::text, "TEXT", Storage::native},
    {Kind::text, "TEXT COLLATE NOCASE", Storage::native},   {Kind::bytes, "BLOB", Storage::native},
    {Kind::date, "DATE", Storage::iso_text},                {Kind::timestamp, "DATETIME", Storage::iso_text},
    {Kind::duration, "INTEGER", Storage::native},           {Kind::uuid, "UUID", Storage::uuid_text},
    {Kind::uuid, "BLOB", Storage::uuid_blob},               {Kind::json, "JSON", Storage::json_text},
};

std::vector<Value> hostile(Kind kind) {
  std::vector<Value> values{Value()};
  const auto add = [&](auto... more) { (values.push_back(Value(more)), ...); };
  switch (kind) {
    case Kind::boolean: add(true, false); break;
    case Kind::integer:
      for (std::int64_t v : {INT64_MIN, INT64_MIN + 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{7}, std::int64_t{28},
                             std::int64_t{63}, std::int64_t{64}, std::int64_t{1000}, (std::int64_t{1} << 53) + 1, INT64_MAX - 1, INT64_MAX})
        add(v);
      break;
    case Kind::decimal:
      for (const char* text : {"0", "1", "-1", "0.1", "0.2", "0.3", "-0.005", "2.5", "3.5", "1e15", "123456.789", "99999999999999", "0.000001", "-12.5", "1e300",
                               "123456789012345678901234567890.123456789", "0.00000000000000000000000000000000000001"})
        add(*Decimal::parse(text));
      break;
    case Kind::floating: {
      using limits = std::numeric_limits<double>;
      for (double v : {0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, limits::infinity(), -limits::infinity(), limits::denorm_min(), limits::max(), 9007199254740993.0, limits::quiet_NaN()}) add(v);
      break;
    }
    case Kind::text:
      for (const char* text : {"", " ", "a", "A", "abc", "ABC", "Straße", "ÀÉÎ", "e\u0301", "\u00e9", "İ", "ﬁ", "𝔘", "日本語", "  spaced\t out\n", "12", "-12.50", "1e3", "nan", "true", "2025-02-29",
                               "2024-02-29", "2025-03-01T10:00:00Z", "00000000-0000-0000-0000-00000000000A", "{\"a\": [1, 2.50, null], \"b\": \"x\"}", "[]", "null", "(a+)+b", "[", "a.*c", "\\d+",
                               "YYYY-MM-DD", "month", "%d.%m.%Y", "%Y-%m-%d", "%Y-%m-%d", "01.03.2025", "2025-03-01", "a,b,,c", ",", "'; drop table t; --", "%_\\", "d29ybGQ=", "0aff", "/a/0", "a"})
        add(std::string(text));
      add(std::string("nul\0inside", 10), std::string(300, 'x'));
      break;
    case Kind::bytes: add(Bytes{""}, Bytes{std::string("\0\xff\x80", 3)}, Bytes{"abc"}, Bytes{"\xc3\x28"}); break;
    case Kind::date:
      for (std::int32_t v : {min_date_days, min_date_days + 1, -1, 0, 11016, 18321, 20148, 20150, max_date_days - 1, max_date_days}) add(Date{v});
      break;
    case Kind::timestamp:
      for (std::int64_t v : {min_timestamp_micros, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{1'740'787'199'999'999}, std::int64_t{1'740'787'200'000'000}, max_timestamp_micros}) add(Timestamp{v});
      break;
    case Kind::duration:
      for (std::int64_t v : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, std::int64_t{90'000'000}, micros_per_day, 40 * micros_per_day, INT64_MAX}) add(Duration{v});
      break;
    case Kind::uuid: {
      Uuid high;
      high.data.fill(0xff);
      add(Uuid{}, high, *parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
      break;
    }
    case Kind::json:
      for (const char* text : {"null", "true", "0", "-1.50", "1e2", "\"\"", "\"\\u00e9\"", "[]", "[1, \"a\", null]", "{}", "{\"a\": 1, \"b\": {\"c\": [1.10]}}", "{\"b\": {\"c\": [1.1]}, \"a\": 1.0}",
                               "{\"a\": null}", "{\"a\": true}", "{\"a\": false}", "9223372036854775808"})
        add(Json{text});
      break;
    default: break;
  }
  return values;
}

// The table of hostile values, and the rows as the connector reads them back: what SQLite cannot store is not in a column.
struct World {
  ScratchDatabase database;
  std::unique_ptr<connect::Connector> connector;
  program::Program program;
  std::vector<Value> cells;  // row-major
  std::vector<std::unique_ptr<program::Native>> natives;
  std::map<Kind, std::vector<ExprPtr>> columns;
  std::mt19937 random{20250301};
  int compared = 0, failures = 0;

  World() : database(create()) {
    connector = database.open();
    auto catalogue = connector->catalogue();
    REQUIRE(catalogue);
    program.catalogues.push_back(std::move(*catalogue));
    Table& table = program.catalogues[0].tables.at(0);
    int column = 1;
    for (const StoredKind& stored : stored_kinds)
      for (int i = 0; i < columns_per_kind; ++i, ++column) {
        Column& at = table.columns.at(static_cast<std::size_t>(column));
        at.type.kind = stored.kind;
        at.storage = stored.storage;
        if (stored.kind == Kind::timestamp && i == 1) at.time_separator = 'T', at.time_suffix = "Z";
        columns[stored.kind].push_back(lower::column_of(0, column, at.type));
      }
    fill(table);
  }

  static std::string create() {
    std::string sql = "CREATE TABLE h(id INTEGER PRIMARY KEY";
    for (std::size_t i = 0; i < std::size(stored_kinds) * columns_per_kind; ++i) sql += ", c" + std::to_string(i) + " " + stored_kinds[i / columns_per_kind].declared;
    return sql + ")";
  }

  void fill(const Table& table) {
    std::string sql = "INSERT INTO h VALUES(?1";
    for (std::size_t i = 1; i < table.columns.size(); ++i) sql += ", ?" + std::to_string(i + 1);
    auto insert = connector->prepare(sql + ")");
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

  const Value& cell(int row, int column) const { return cells[static_cast<std::size_t>(row) * program.catalogues[0].tables[0].columns.size() + static_cast<std::size_t>(column)]; }

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
    Relation relation{.inputs = {anchor()}, .filters = {{.condition = std::make_shared<const Expr>(std::move(list))}}, .fields = {{"id", id()}}};
    if (as_condition) relation.filters.push_back({.condition = expr});
    else relation.fields.push_back({"x", expr});
    const auto statement = lower::select(program, relation, Dialect::sqlite);
    auto prepared = connector->prepare(statement, context);
    if (!prepared) return prepared.error();
    std::map<int, Value> found;
    std::optional<Error> bad;
    auto done = (*prepared)->query_raw({}, [&](connect::RawRow row) {
      auto value = as_condition ? Result<Value>(Value(true)) : connector->decode(row[1], statement.columns[1]);
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
      REQUIRE_MESSAGE(values, (values ? "" : values.error().message + "\n" + values.error().detail));
      CHECK(values->size() == fine.size());
      for (int row : fine) {
        const Value& expected = std::get<Value>(outcomes[static_cast<std::size_t>(row)]);
        const Value& found = (*values)[row];
        ++compared;
        if (!equal(found, expected)) FAIL_CHECK("row " << row << ": SQL gives " << to_literal(found) << ", the evaluator " << to_literal(expected) << arguments(*compiled, row));
      }
      if (boolean) {
        auto chosen = in_sql(expr, fine, true);
        REQUIRE_MESSAGE(chosen, (chosen ? "" : chosen.error().message + "\n" + chosen.error().detail));
        for (int row : fine) {
          const Value& expected = std::get<Value>(outcomes[static_cast<std::size_t>(row)]);
          const bool wanted = !expected.is_null() && expected.as<bool>();
          if (wanted != chosen->contains(row)) FAIL_CHECK("row " << row << ": as a condition SQL says " << chosen->contains(row) << arguments(*compiled, row));
        }
      }
    }
    for (std::size_t i = 0; i < failing.size() && i < 8; ++i) {
      auto values = in_sql(expr, {failing[i]}, boolean && i % 2 == 1);
      const auto& expected = std::get<eval::Failure>(outcomes[static_cast<std::size_t>(failing[i])]);
      ++failures;
      // Between conjuncts of a `where`, one that excludes the row may be tested before one that fails.
      if (values && boolean && i % 2 == 1) {
        CHECK(values->empty());
        continue;
      }
      if (values) FAIL_CHECK("row " << failing[i] << ": SQL gives a value, the evaluator fails: " << expected.message << arguments(*compiled, failing[i]));
      else CHECK(values.error().message == expected.message);
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

ExprPtr make(ExprKind kind, Type type, std::vector<ExprPtr> args) {
  Expr expr;
  expr.kind = kind;
  expr.type = std::move(type);
  expr.args = std::move(args);
  return std::make_shared<const Expr>(std::move(expr));
}

// `name(kind,kind?,[kind])`
std::vector<Type> parameters(std::string_view signature) {
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
std::optional<Function> discover(World& world, std::string_view signature) {
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
    if (param.kind == Kind::array) values = {Array{std::make_shared<const std::vector<Value>>(values)}};
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

ExprPtr call(const Function& function, std::vector<ExprPtr> args) {
  Expr expr;
  expr.kind = ExprKind::call;
  expr.type = function.result;
  expr.native = function.native;
  expr.args = std::move(args);
  return std::make_shared<const Expr>(std::move(expr));
}

ExprPtr comparison(CompareOp op, ExprPtr left, ExprPtr right) { return lower::compare(op, std::move(left), std::move(right)); }

constexpr CompareOp all_ops[] = {CompareOp::equal, CompareOp::not_equal, CompareOp::less, CompareOp::less_equal, CompareOp::greater, CompareOp::greater_equal};
const Type boolean{Kind::boolean};

// Expressions of one form; the switch has no default, so that a new form must say here how it is tested.
std::vector<ExprPtr> examples(World& world, ExprKind form, const Function& reciprocal) {
  std::vector<ExprPtr> made;
  const auto& flags = world.columns.at(Kind::boolean);
  const auto& numbers = world.columns.at(Kind::integer);
  const ExprPtr fails = comparison(CompareOp::greater, call(reciprocal, {numbers[0], numbers[1]}), numbers[2]);
  switch (form) {
    case ExprKind::literal:
      for (const StoredKind& stored : stored_kinds)
        for (const Value& value : hostile(stored.kind)) made.push_back(lower::literal(value, Type{stored.kind, value.is_null()}));
      break;
    case ExprKind::column:
      for (const auto& [kind, columns] : world.columns) made.insert(made.end(), columns.begin(), columns.end());
      break;
    case ExprKind::compare:
      for (CompareOp op : all_ops)
        for (const auto& [kind, columns] : world.columns) {
          if (kind == Kind::json && op != CompareOp::equal && op != CompareOp::not_equal) continue;
          for (std::size_t i = 0; i < columns.size(); ++i) {
            made.push_back(comparison(op, columns[i], columns[(i + 1) % columns.size()]));
            const auto values = hostile(kind);
            for (int n = 0; n < 4; ++n) {
              const Value& value = values[world.random() % values.size()];
              const ExprPtr constant = lower::literal(value, Type{kind, value.is_null()});
              made.push_back(n % 2 ? comparison(op, columns[i], constant) : comparison(op, constant, columns[i]));
            }
          }
        }
      break;
    case ExprKind::and_: made = {lower::all_of({flags[0], flags[1]}), lower::all_of({flags[0], fails}), lower::all_of({fails, flags[0]}), lower::all_of({flags[0], fails, flags[1]})}; break;
    case ExprKind::or_: made = {lower::any_of({flags[0], flags[1]}), lower::any_of({flags[0], fails}), lower::any_of({fails, flags[0]})}; break;
    case ExprKind::not_: made = {lower::negation(flags[0]), lower::negation(fails), lower::negation(comparison(CompareOp::less, numbers[0], numbers[1])), lower::negation(lower::all_of({flags[0], flags[1]}))}; break;
    case ExprKind::coalesce:
      for (const auto& [kind, columns] : world.columns) made.push_back(make(form, Type{kind, true}, {columns[0], columns[1], columns[2]}));
      made.push_back(make(form, Type{Kind::decimal, true}, {call(reciprocal, {numbers[0], numbers[1]}), world.columns.at(Kind::decimal)[0]}));
      break;
    case ExprKind::case_:
      for (const auto& [kind, columns] : world.columns) {
        made.push_back(make(form, Type{kind, true}, {flags[0], columns[0], flags[1], columns[1], columns[2]}));
        made.push_back(make(form, Type{kind, true}, {flags[0], columns[0], comparison(CompareOp::less, numbers[0], numbers[1]), columns[1]}));
      }
      break;
    case ExprKind::in_list:
      for (const auto& [kind, columns] : world.columns) {
        std::vector<ExprPtr> args{columns[0]};
        for (const Value& value : hostile(kind))
          if (world.random() % 2) args.push_back(lower::literal(value, Type{kind, value.is_null()}));
        made.push_back(make(form, boolean, args));
        made.push_back(make(form, boolean, {columns[0], columns[1], columns[2]}));
        made.push_back(make(form, boolean, {columns[0]}));
      }
      break;
    case ExprKind::convert:
      for (auto [from, to] : {std::pair{Kind::integer, Kind::decimal}, {Kind::integer, Kind::floating}, {Kind::decimal, Kind::floating}, {Kind::date, Kind::timestamp}})
        for (const ExprPtr& column : world.columns.at(from)) {
          made.push_back(make(form, Type{to, true}, {column}));
          made.push_back(comparison(CompareOp::less, make(form, Type{to, true}, {column}), world.columns.at(to)[0]));
          made.push_back(comparison(CompareOp::equal, make(form, Type{to, true}, {column}), world.columns.at(to)[1]));
        }
      for (const auto& [kind, columns] : world.columns) {
        const ExprPtr null = make(form, Type{kind, true}, {lower::literal(Value(), Type{Kind::null, true})});
        made.push_back(comparison(CompareOp::equal, columns[0], null));
        made.push_back(comparison(CompareOp::not_equal, null, columns[0]));
        made.push_back(make(ExprKind::coalesce, Type{kind, true}, {null, columns[0]}));
      }
      break;
    case ExprKind::object: {
      const auto key = [](const char* name) { return lower::literal(std::string(name), {Kind::text}); };
      made.push_back(make(form, {Kind::json}, {key("n"), numbers[0], key("t"), world.columns.at(Kind::text)[0], key("j"), world.columns.at(Kind::json)[0], key("b"), flags[0], key("d"), world.columns.at(Kind::decimal)[0]}));
      break;
    }
    case ExprKind::bind: {
      Expr bound = *make(form, Type{Kind::decimal, true}, {numbers[0], call(reciprocal, {make(ExprKind::local, Type{Kind::integer, true}, {}), numbers[1]})});
      made.push_back(std::make_shared<const Expr>(bound));
      break;
    }
    case ExprKind::clock: made = {make(form, {Kind::timestamp}, {}), comparison(CompareOp::less, world.columns.at(Kind::timestamp)[0], make(form, {Kind::timestamp}, {}))}; break;
    case ExprKind::call:        // every function, below
    case ExprKind::array:       // arguments of functions; in no column
    case ExprKind::subquery:    // tests of their own, below
    case ExprKind::aggregate:
    case ExprKind::local: break;  // with bind
  }
  return made;
}

}  // namespace

TEST_CASE("every native function gives the same value or failure in SQL and in the evaluator") {
  World world;
  std::vector<std::string> unreached;
  for (std::string_view signature : eval::native_signatures()) {
    const auto function = discover(world, signature);
    if (!function) {
      unreached.emplace_back(signature);
      continue;
    }
    for (std::size_t turn = 0; turn < 7; ++turn) {
      std::vector<ExprPtr> args;
      if (turn == 6) args = function->working;
      for (std::size_t i = 0; i < function->native->params.size() && turn < 6; ++i) args.push_back(world.leaf(function->native->params[i], turn + (turn + 1) * i));
      const ExprPtr expr = call(*function, args);
      if (function->result.kind != Kind::array) {
        world.same(expr, std::string(signature));
        continue;
      }
      // Arrays are in no column: compared inside the function.
      for (int row = 0; row < rows; row += 10) {
        const auto outcome = world.evaluate(*eval::compile(expr, context), row);
        if (const auto* value = std::get_if<Value>(&outcome)) world.same(comparison(CompareOp::equal, expr, lower::literal(*value, function->result)), std::string(signature));
      }
    }
  }
  CHECK(world.compared > 10'000);
  CHECK(world.failures > 100);
  // Functions that gave no value for any arguments: those that never do. Others need an argument that fits in `hostile`.
  for (const std::string& signature : unreached) CHECK(signature == "error(text)");
}

TEST_CASE("every form of expression gives the same value or failure in SQL and in the evaluator") {
  World world;
  const auto reciprocal = discover(world, "/(int,int)");
  REQUIRE(reciprocal);
  for (int form = 0; form <= static_cast<int>(ExprKind::bind); ++form)
    for (const ExprPtr& expr : examples(world, static_cast<ExprKind>(form), *reciprocal)) world.same(expr, "form " + std::to_string(form) + " over " + to_string(expr->args.empty() ? expr->type : expr->args[0]->type));
  CHECK(world.compared > 10'000);
}

TEST_CASE("`a != b + c` finds overflow whatever the signs") {
  World world;
  for (const char* signature : {"+(int,int)", "-(int,int)"}) {
    const auto function = discover(world, signature);
    REQUIRE(function);
    const auto& n = world.columns.at(Kind::integer);
    const ExprPtr least = lower::literal(INT64_MIN, {Kind::integer}), one = lower::literal(std::int64_t{1}, {Kind::integer}), minus = lower::literal(std::int64_t{-1}, {Kind::integer});
    for (const ExprPtr& left : {n[0], least})
      for (const ExprPtr& a : {n[1], least})
        for (const ExprPtr& b : {n[2], one, minus}) {
          if (left == least && a == least) continue;
          world.same(comparison(CompareOp::not_equal, left, call(*function, {a, b})), signature);
          world.same(comparison(CompareOp::not_equal, call(*function, {a, b}), left), signature);
        }
  }
}

TEST_CASE("random compositions give the same value or failure in SQL and in the evaluator") {
  World world;
  std::map<Kind, std::vector<Function>> functions;
  for (std::string_view signature : eval::native_signatures())
    if (const auto function = discover(world, signature); function && function->result.kind != Kind::array) functions[function->result.kind].push_back(*function);
  const Kind kinds[] = {Kind::boolean, Kind::integer, Kind::decimal, Kind::floating, Kind::text, Kind::bytes, Kind::date, Kind::timestamp, Kind::duration, Kind::uuid, Kind::json};

  std::function<ExprPtr(const Type&, int)> grow = [&](const Type& type, int depth) -> ExprPtr {
    const std::size_t turn = world.random() % 1000;
    if (depth == 0 || type.kind == Kind::array || turn % 5 == 0) return world.leaf(type, turn);
    const Type nullable = type.with_null();
    switch (turn % 9) {
      case 0: return make(ExprKind::coalesce, nullable, {grow(type, depth - 1), grow(type, depth - 1)});
      case 1: return make(ExprKind::case_, nullable, {grow(boolean, depth - 1), grow(type, depth - 1), grow(type, depth - 1)});
      case 2:
      case 3:
        if (type.kind == Kind::boolean) {
          const Kind of = kinds[world.random() % std::size(kinds)];
          const CompareOp op = all_ops[of == Kind::json ? world.random() % 2 : world.random() % std::size(all_ops)];
          return comparison(op, grow(Type{of}, depth - 1), grow(Type{of}, depth - 1));
        }
        break;
      case 4:
        if (type.kind == Kind::boolean) {
          std::vector<ExprPtr> parts{grow(type, depth - 1), grow(type, depth - 1)};
          return world.random() % 2 ? lower::all_of(parts) : lower::any_of(parts);
        }
        break;
      case 5:
        if (type.kind == Kind::boolean) return lower::negation(grow(type, depth - 1));
        break;
      default: break;
    }
    const auto found = functions.find(type.kind);
    if (found == functions.end()) return world.leaf(type, turn);
    const Function& function = found->second[world.random() % found->second.size()];
    std::vector<ExprPtr> args;
    for (const Type& param : function.native->params) args.push_back(grow(param, depth - 1));
    return call(function, args);
  };
  for (int i = 0; i < 600; ++i) world.same(grow(Type{kinds[static_cast<std::size_t>(i) % std::size(kinds)]}, 1 + i % 4), "composition " + std::to_string(i));
  CHECK(world.compared > 5'000);
}

TEST_CASE("aggregates give in SQL what the evaluator's accumulators give") {
  World world;
  for (int at = 0; at <= static_cast<int>(AggregateKind::last); ++at) {
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
      }
      for (std::size_t c = 0; c < columns.size(); ++c)
        for (int limit : {0, 1, 13, rows}) {
          const bool ordered = kind == AggregateKind::first || kind == AggregateKind::last;
          if (ordered && operand_kind == Kind::json) continue;  // no order of documents
          auto aggregate = std::make_shared<Aggregate>();
          aggregate->kind = kind;
          if (kind != AggregateKind::count) aggregate->operand = columns[c];
          if (ordered) aggregate->order = {{columns[(c + 1) % columns.size()], limit % 2 == 1}, {world.id()}};
          const auto accumulator = eval::accumulator(kind, result, ordered ? std::vector<bool>{limit % 2 == 1, false} : std::vector<bool>{});
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
          Relation one_group{.inputs = {world.anchor()}, .filters = {{.condition = within}}, .grouped = true, .fields = {{"x", std::make_shared<const Expr>(grouped)}}};
          for (bool as_group : {false, true}) {
            if (as_group && kind == AggregateKind::exists) continue;
            const auto statement = as_group ? lower::select(world.program, one_group, Dialect::sqlite) : lower::scalar(world.program, std::make_shared<const Expr>(sub), Dialect::sqlite);
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
              CHECK(done.error().message == failure->message);
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
        const auto statement = lower::select(world.program, relation, Dialect::sqlite);
        auto prepared = world.connector->prepare(statement, context);
        REQUIRE(prepared);
        std::vector<int> found;
        REQUIRE((*prepared)->query_raw({}, [&](connect::RawRow row) { found.push_back(static_cast<int>(row[0].integer)); return true; }));
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
        if (std::none_of(distinct.begin(), distinct.end(), [&](const Value& value) { return equal(value, world.cell(row, column->column)); })) distinct.push_back(world.cell(row, column->column));
      Relation relation{.inputs = {world.anchor()}, .grouped = true, .group_by = {column}, .fields = {{"k", column}}};
      const auto statement = lower::select(world.program, relation, Dialect::sqlite);
      auto prepared = world.connector->prepare(statement, context);
      REQUIRE(prepared);
      std::size_t groups = 0;
      REQUIRE((*prepared)->query_raw({}, [&](connect::RawRow) { ++groups; return true; }));
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
  const ExprPtr wrapped = comparison(CompareOp::less, make(ExprKind::coalesce, Type{Kind::decimal, true}, {lower::literal(Decimal(1), {Kind::decimal}), sum}), lower::literal(Decimal(2), {Kind::decimal}));
  CHECK(world.in_sql(wrapped, two_rows, true));
}
