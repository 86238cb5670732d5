// Relations as flat blocks: their inputs, what they select, subqueries and aggregates.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/lower/postgres.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::Aggregate;
using program::AggregateKind;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using program::Filter;
using program::Input;
using program::InputKind;
using program::Relation;

namespace {

bool is_view(const Input& input, const Writer& writer) { return input.table && writer.table(*input.table).view; }

// Columns of the relation's other inputs that a join's condition reads: the key that a message names.
void outer_columns(const Relation& relation, const Input& input, std::vector<ExprPtr>& found) {
  rewrite(input.on, [&](const ExprPtr& at) -> ExprPtr {
    const auto reads = [&](const Input& other) { return other.id == at->input && other.id != input.id; };
    if (at->kind == ExprKind::column && std::any_of(relation.inputs.begin(), relation.inputs.end(), reads) &&
        std::none_of(found.begin(), found.end(),
                     [&](const ExprPtr& known) { return known->input == at->input && known->column == at->column; }))
      found.push_back(at);
    return nullptr;
  });
}

}  // namespace

std::string rowid_name(const Table& table) {
  for (const char* name : {"_rowid_", "rowid", "oid"}) {
    const auto shadows = [&](const Column& column) {
      return std::equal(column.name.begin(), column.name.end(), name, name + std::string_view(name).size(),
                        [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    };
    if (std::none_of(table.columns.begin(), table.columns.end(), shadows)) return name;
  }
  return {};
}

std::string Writer::input_from(const Input& input, bool marked) {
  const std::string alias = alias_of(input.id);
  if (input.elements) {
    const Type element = *input.elements->type.element;
    const std::string array = value_as(input.elements, wire_of(input.elements->type));
    see_hole(input.id, {{alias + ".value", wire_of(element)}, {fmt::format("({}.key + 1)", alias), wire_of(Type{Kind::integer})}});
    return fmt::format("json_each({}) AS {}", array, alias);
  }
  if (!input.table) {
    std::vector<Wire> wires;
    std::string text = input.united.empty() ? block(*input.sub, &wires) : united(input, wires);
    std::vector<Sql> columns;
    for (std::size_t i = 0; i < wires.size(); ++i) columns.push_back({fmt::format("{}.c{}", alias, i), wires[i]});
    views_[input.id] = View{.alias = alias, .table = nullptr, .columns = std::move(columns)};
    const std::string_view select = "SELECT ";
    if (marked && text.starts_with(select)) text = "SELECT 1 AS bfl_present, " + text.substr(select.size());
    else if (marked) text = fmt::format("SELECT 1 AS bfl_present, * FROM ({})", text);
    return fmt::format("({}) AS {}", text, alias);
  }
  const Table& joined = table(*input.table);
  see_table(input.id, joined, alias);
  if (const program::Query* query = program_.query(*input.table)) return fmt::format("(SELECT {}* FROM ({})) AS {}", marked ? "1 AS bfl_present, " : "", raw(query->sql), alias);
  if (marked && joined.view) return fmt::format("(SELECT 1 AS bfl_present, * FROM {}) AS {}", qualified(joined), alias);
  return fmt::format("{} AS {}", qualified(joined), alias);
}

// One relation's rows after the other's, each field in the plain form of its type. Whether one is read is known at the end of the
// statement: until then it stands between marks.
std::string Writer::united(const Input& input, std::vector<Wire>& wires) {
  const std::string alias = alias_of(input.id);
  for (std::size_t i = 0; i < input.sub->fields.size(); ++i) {
    Type type = input.sub->fields[i].expr->type;
    for (const auto& more : input.united) type.nullable |= more->fields[i].expr->type.nullable;
    wires.push_back(wire_of(type));
  }
  std::string text = fmt::format("SELECT * FROM ({})", block(*input.sub, nullptr, &wires, alias));
  for (const auto& more : input.united) text += fmt::format(" UNION ALL SELECT * FROM ({})", block(*more, nullptr, &wires, alias));
  return fmt::format("SELECT * FROM ({})", text);
}

std::string Writer::is_missing(const Input& input) {
  const std::string alias = alias_of(input.id);
  if (!input.table || is_view(input, *this)) return alias + ".bfl_present IS NULL";
  const Table& joined = table(*input.table);
  if (joined.without_rowid)
    return fmt::format("{}.{} IS NULL", alias, quote_identifier(joined.columns[static_cast<std::size_t>(joined.keys.at(0).columns.at(0))].name));
  return fmt::format("{}.{} IS NULL", alias, rowid_name(joined));
}

std::string Writer::raise(const Relation& relation, const Input& input, std::string_view found) {
  std::vector<ExprPtr> named;
  const Input& anchor = relation.inputs[0];
  if (anchor.table) {
    const Table& rows = table(*anchor.table);
    if (const Key* key = rows.identity())
      for (int column : key->columns) named.push_back(column_of(anchor.id, column, rows.columns[static_cast<std::size_t>(column)].type));
  }
  outer_columns(relation, input, named);

  Fused function;
  const std::string name = !input.alias.empty() ? input.alias : input.table ? table(*input.table).name : "the relation";
  function.raise = fmt::format("join {} {} found {} for ", input.kind == InputKind::one ? "one" : "optional", name, found);
  function.result = wire_of(Type{Kind::boolean});
  std::vector<Sql> arguments;
  for (const ExprPtr& column : named) {
    arguments.push_back(value(column));
    std::string shown = label(*column);
    // A row of the anchor is named by its columns alone.
    if (column->input == anchor.id)
      if (const auto dot = shown.rfind('.'); dot != std::string::npos) shown.erase(0, dot + 1);
    function.labels.push_back(shown.empty() ? "value" : shown);
  }
  if (named.empty()) function.raise = function.raise.substr(0, function.raise.size() - 5);  // " for "
  const std::string form = "raise " + function.raise;
  return call(std::move(function), std::move(arguments), form, named);
}

std::string Writer::anchor_column(const Relation& relation, int column) {
  const Input& anchor = relation.inputs[0];
  if (anchor.table) {
    if (column >= 0) return views_.at(anchor.id).columns.at(static_cast<std::size_t>(column)).text;
    return fmt::format("{}.{}", alias_of(anchor.id), rowid_name(table(*anchor.table)));
  }
  const auto place = std::find(exposed.begin(), exposed.end(), column) - exposed.begin();
  return fmt::format("{}.k{}", alias_of(anchor.id), place);
}

std::string Writer::block(const Relation& relation, std::vector<Wire>* fields, const std::vector<Wire>* as, std::string_view read_as) {
  if (relation.follow) return follow_block(relation, fields);
  const std::string from = body(relation);
  std::string list;
  for (std::size_t i = 0; i < relation.fields.size(); ++i) {
    Sql sql = as ? Sql{value_as(relation.fields[i].expr, (*as)[i]), (*as)[i]} : value(relation.fields[i].expr);
    // A column passes its collation on through a block; bfl's texts have none.
    if (sql.wire.type.kind == Kind::text && relation.fields[i].expr->kind == ExprKind::column) sql.text += " COLLATE BINARY";
    if (!read_as.empty()) sql.text = fmt::format("{}{}.c{}{}{}{}", if_read, read_as, i, then_computed, sql.text, end_of_read);
    list += fmt::format("{}{} AS c{}", i ? ", " : "", sql.text, i);
    if (fields) fields->push_back(sql.wire);
  }
  // The join of numbers to rows stays by itself: woven into joins around it, SQLite would look through all numbers for each row.
  const bool numbers = std::any_of(relation.inputs.begin(), relation.inputs.end(), [](const Input& input) { return input.sub && input.sub->inputs[0].elements && input.sub->limit; });
  return "SELECT " + select_list(relation, std::move(list)) + from + order_and_limit(relation) + (numbers && !relation.limit ? " LIMIT -1" : "");
}

Sql Writer::aggregate(const Aggregate& given, const ExprPtr& operand, const Type& result, bool over_window) {
  const std::string filter = given.filter ? fmt::format(" FILTER (WHERE {})", condition(given.filter)) : "";
  const auto plain = [&](const char* name, std::string_view before = "") {
    Sql sql = value(operand);
    if (sql.wire.type.kind == Kind::text) sql.text += " COLLATE BINARY";
    return Sql{fmt::format("{}({}{}){}", name, before, sql.text, filter), sql.wire};
  };
  const bool simple = operand && (operand->type.kind == Kind::integer || operand->type.kind == Kind::text ||
                                  operand->type.kind == Kind::bytes || operand->type.kind == Kind::boolean);
  switch (given.kind) {
    case AggregateKind::count: return {"count(*)" + filter, wire_of(Type{Kind::integer})};
    case AggregateKind::min:
    case AggregateKind::max:
      if (simple) {
        Sql sql = plain(given.kind == AggregateKind::min ? "min" : "max");
        sql.wire.type.nullable = true;
        return sql;
      }
      break;
    case AggregateKind::count_distinct:
      if (simple && !over_window) return {plain("count", "DISTINCT ").text, wire_of(Type{Kind::integer})};
      break;
    default: break;
  }
  Fused function;
  function.is_aggregate = true;
  function.aggregate = given.kind;
  function.result = wire_of(result);
  function.expr = operand;
  std::vector<Sql> arguments;
  std::string form = fmt::format("aggregate {}", static_cast<int>(given.kind));
  const auto argument = [&](const ExprPtr& expr) {
    arguments.push_back(value(expr));
    function.labels.push_back(label(*expr));
  };
  if (operand) argument(operand);
  for (const program::OrderKey& key : given.order) {
    argument(key.expr);
    function.descending.push_back(key.descending);
    form += key.descending ? " desc" : " asc";
  }
  return {call(std::move(function), arguments, form) + filter, wire_of(result)};
}

Sql Writer::subquery(const Expr& expr) {
  const Apart apart(*this);
  const Relation& relation = *expr.relation;
  static const Aggregate none{.kind = AggregateKind::exists};
  const Aggregate& over = expr.aggregate ? *expr.aggregate : none;
  if (over.kind == AggregateKind::exists) {
    if (!over.filter)
      if (auto in = membership(relation)) return std::move(*in);
    const std::string from = body(relation, {}, over.filter);
    const bool grouped = relation.grouped && relation.group_by.empty();  // one group of all rows: it is always there
    return {fmt::format("EXISTS (SELECT {}{}{})", grouped ? "count(*)" : "1", from, relation.limit ? order_and_limit(relation) : ""),
            wire_of(Type{Kind::boolean})};
  }
  if (relation.grouped || relation.limit) {
    std::vector<Wire> wires;
    const std::string inner = block(relation, &wires);
    const program::InputId hole = fresh();
    const std::string alias = fmt::format("s{}", hole - 0xF0000000);
    std::vector<Sql> columns;
    for (std::size_t i = 0; i < wires.size(); ++i) columns.push_back({fmt::format("{}.c{}", alias, i), wires[i]});
    see_hole(hole, columns);
    const ExprPtr operand = relation.fields.empty() ? nullptr : column_of(hole, 0, relation.fields[0].expr->type);
    Sql sql = aggregate(over, over.kind == AggregateKind::count ? nullptr : operand, expr.type);
    return {fmt::format("(SELECT {} FROM ({}) AS {})", sql.text, inner, alias), sql.wire};
  }
  const bool ends = over.kind == AggregateKind::first || over.kind == AggregateKind::last;
  const std::string from = body(relation, {}, ends ? over.filter : nullptr);
  ExprPtr operand = over.operand;
  if (!operand && over.kind != AggregateKind::count && !relation.fields.empty()) operand = relation.fields[0].expr;
  if (!ends) {
    Sql sql = aggregate(over, operand, expr.type);
    return {fmt::format("(SELECT {}{})", sql.text, from), sql.wire};
  }
  // The first row by an order is a sorted read of one row: an index can give it.
  const std::string order = " " + (over.kind == AggregateKind::last ? order_from_end(over.order) : order_by(over.order));
  Sql sql = value(operand);
  sql.wire.type.nullable = true;
  return {fmt::format("(SELECT {}{}{} LIMIT 1)", sql.text, from, order), sql.wire};
}

Statement scalar(const program::Program& program, const ExprPtr& expr, Dialect) {
  Writer writer(program);
  Sql sql = writer.value(expr);
  return writer.finish("SELECT " + sql.text, {sql.wire});
}

Result<Statement> scalar_in(const program::Program& program, const ExprPtr& expr, Dialect dialect) {
  return dialect == Dialect::postgres ? postgres::scalar(program, expr) : Result<Statement>(scalar(program, expr, dialect));
}

Result<Statement> select_in(const program::Program& program, const Relation& relation, Dialect dialect) {
  return dialect == Dialect::postgres ? postgres::select(program, relation) : Result<Statement>(select(program, relation, dialect));
}

Statement select(const program::Program& program, const Relation& relation, Dialect) {
  Writer writer(program);
  std::vector<Wire> wires;
  std::string text = writer.block(relation, &wires);
  return writer.finish(std::move(text), std::move(wires));
}

}  // namespace bfl::lower
