// Relations as blocks of PostgreSQL's SQL: their inputs, what they select, subqueries and aggregates.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/rewrite.h"

namespace bfl::lower::postgres {

using program::Aggregate;
using program::AggregateKind;
using program::Expr;
using program::ExprPtr;
using program::Filter;
using program::Input;
using program::InputKind;
using program::Relation;

std::string relation_name(const Table& table) { return quote_identifier(table.schema) + "." + quote_identifier(table.relation); }

std::string Writer::input_from(const Input& input, bool marked) {
  const std::string alias = alias_of(input.id);
  if (input.elements || !input.united.empty()) {
    refuse(input.elements ? "the elements of a list" : "a union of rows");
    return alias;
  }
  if (!input.table) {
    std::string text = block(*input.sub);
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < input.sub->fields.size(); ++i) columns.push_back(fmt::format("{}.c{}", alias, i));
    see_columns(input.id, std::move(columns));
    if (marked) text = "SELECT true AS bfl_present, " + text.substr(std::string_view("SELECT ").size());
    return fmt::format("({}) AS {}", text, alias);
  }
  const Table& joined = table(*input.table);
  see_table(input.id, joined, alias);
  if (const program::Query* of = program_.query(*input.table)) return fmt::format("({}) AS {}", marked ? fmt::format("SELECT true AS bfl_present, * FROM ({}) AS q", query(*of)) : query(*of), alias);
  if (joined.relation.empty()) refuse("rows that bfl keeps");
  if (marked) return fmt::format("(SELECT true AS bfl_present, * FROM {}) AS {}", relation_name(joined), alias);
  return fmt::format("{} AS {}", relation_name(joined), alias);
}

// The message of a join that finds too few or too many rows, with what the row was looked for by.
std::string Writer::raise(const Relation& relation, const Input& input, std::string_view found) {
  const std::string name = !input.alias.empty() ? input.alias : input.table ? table(*input.table).name : "the relation";
  std::string message =
      quote_text(fmt::format("join {} {} found {}", input.kind == InputKind::one ? "one" : "optional", name, found));
  const Input& anchor = relation.inputs[0];
  if (anchor.table) {
    const Table& rows = table(*anchor.table);
    if (const Key* key = rows.identity())
      for (std::size_t i = 0; i < key->columns.size(); ++i) {
        const auto column = static_cast<std::size_t>(key->columns[i]);
        message += fmt::format(" || {} || {}::text", quote_text(fmt::format("{}{} = ", i ? ", " : " for ", rows.columns[column].name)),
                               views_.at(anchor.id).columns.at(column));
      }
  }
  return raised(message, "boolean");
}

std::string Writer::body(const Relation& relation, const std::vector<std::string>& more_plain, const ExprPtr& more) {
  if (relation.follow) {
    refuse("`follow`");
    return {};
  }
  return Frame::body(relation, more_plain, more);
}

std::string Writer::anchor_column(const Relation& relation, int column) {
  const Input& anchor = relation.inputs[0];
  if (anchor.table) return views_.at(anchor.id).columns.at(static_cast<std::size_t>(column));
  const auto place = std::find(exposed.begin(), exposed.end(), column) - exposed.begin();
  return fmt::format("{}.k{}", alias_of(anchor.id), place);
}

std::string Writer::block(const Relation& relation) {
  const std::string from = body(relation);
  std::string list;
  for (std::size_t i = 0; i < relation.fields.size(); ++i) list += fmt::format("{}{} AS c{}", i ? ", " : "", value(relation.fields[i].expr), i);
  return "SELECT " + select_list(relation, std::move(list)) + from + order_and_limit(relation);
}

std::string Writer::aggregate(const Aggregate& given, const ExprPtr& operand, const Type& result) {
  const std::string filter = given.filter ? fmt::format(" FILTER (WHERE {})", condition(given.filter)) : "";
  const Kind kind = operand ? operand->type.kind : Kind::null;
  switch (given.kind) {
    case AggregateKind::count: return "count(*)" + filter;
    case AggregateKind::count_distinct:
      if (kind == Kind::json || kind == Kind::array) break;
      return fmt::format("count(DISTINCT {}){}", sortable(operand), filter);
    case AggregateKind::min: case AggregateKind::max: {
      if (kind == Kind::json || kind == Kind::array || kind == Kind::boolean || kind == Kind::uuid || kind == Kind::bytes) break;
      return fmt::format("{}({}){}", given.kind == AggregateKind::min ? "min" : "max", sortable(operand), filter);
    }
    case AggregateKind::sum:
      if (kind == Kind::integer || kind == Kind::duration) return fmt::format("COALESCE(sum({}){}, 0)::bigint", value(operand), filter);
      if (kind == Kind::decimal) return fmt::format("COALESCE(sum({}){}, 0)", value(operand), filter);
      break;
    case AggregateKind::average:
      if (result.kind == Kind::decimal && (kind == Kind::integer || kind == Kind::decimal)) {
        const std::string x = value(operand);
        return quotient(fmt::format("sum({}){}", x, filter), fmt::format("NULLIF(count({}){}, 0)", x, filter));
      }
      break;
    case AggregateKind::any: return fmt::format("COALESCE(bool_or(({}) IS TRUE){}, false)", condition(operand), filter);
    case AggregateKind::every: return fmt::format("COALESCE(bool_and(({}) IS TRUE){}, true)", condition(operand), filter);
    case AggregateKind::first: case AggregateKind::last:
      return fmt::format("(array_agg({} {}){})[1]", value(operand),
                         given.kind == AggregateKind::last ? order_from_end(given.order) : order_by(given.order), filter);
    case AggregateKind::exists: case AggregateKind::list: case AggregateKind::clusters: case AggregateKind::fold: break;
  }
  refuse("this aggregate over values of its type");
  return "NULL";
}

std::string Writer::subquery(const Expr& expr) {
  const Apart apart(*this);
  const Relation& relation = *expr.relation;
  static const Aggregate none{.kind = AggregateKind::exists};
  const Aggregate& over = expr.aggregate ? *expr.aggregate : none;
  const auto kept = views_;
  const auto done = [&](std::string text) {
    views_ = kept;
    return text;
  };
  if (over.kind == AggregateKind::exists) {
    const std::string from = body(relation, {}, over.filter);
    const bool one_group = relation.grouped && relation.group_by.empty();  // of all rows: it is always there
    return done(fmt::format("EXISTS (SELECT {}{}{})", one_group ? "count(*)" : "1", from, relation.limit ? order_and_limit(relation) : ""));
  }
  if (relation.grouped || relation.limit) {
    const std::string inner = block(relation);
    const program::InputId hole = fresh();
    const std::string alias = fmt::format("s{}", hole - 0xF0000000);
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < relation.fields.size(); ++i) columns.push_back(fmt::format("{}.c{}", alias, i));
    see_columns(hole, columns);
    const ExprPtr operand = relation.fields.empty() ? nullptr : column_of(hole, 0, relation.fields[0].expr->type);
    const std::string text = aggregate(over, over.kind == AggregateKind::count ? nullptr : operand, expr.type);
    return done(fmt::format("(SELECT {} FROM ({}) AS {})", text, inner, alias));
  }
  const bool ends = over.kind == AggregateKind::first || over.kind == AggregateKind::last;
  const std::string from = body(relation, {}, ends ? over.filter : nullptr);
  ExprPtr operand = over.operand;
  if (!operand && over.kind != AggregateKind::count && !relation.fields.empty()) operand = relation.fields[0].expr;
  if (!ends) return done(fmt::format("(SELECT {}{})", aggregate(over, operand, expr.type), from));
  const std::string order = " " + (over.kind == AggregateKind::last ? order_from_end(over.order) : order_by(over.order));
  return done(fmt::format("(SELECT {}{}{} LIMIT 1)", value(operand), from, order));
}

Result<Statement> scalar(const program::Program& program, const ExprPtr& expr) {
  Writer writer(program);
  return writer.finish("SELECT " + writer.value(expr), {wire_of_value(expr->type)});
}

Result<Statement> select(const program::Program& program, const Relation& relation) {
  Writer writer(program);
  std::vector<Wire> wires;
  for (const program::Field& field : relation.fields) wires.push_back(wire_of_value(field.expr->type));
  return writer.finish(writer.block(relation), std::move(wires));
}

}  // namespace bfl::lower::postgres
