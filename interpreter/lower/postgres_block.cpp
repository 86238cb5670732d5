// Relations as blocks of PostgreSQL's SQL: FROM with its joins, WHERE, GROUP BY, subqueries and aggregates.
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

namespace {

std::string alias_of(program::InputId id) { return fmt::format("t{}", id); }
bool must_find(const Input& input) { return input.kind == InputKind::one && !input.skip_missing; }
bool must_not_repeat(const Input& input) { return (input.kind == InputKind::one || input.kind == InputKind::optional) && !input.at_most_one; }
ExprPtr condition_of(const Filter& filter) { return filter.skip ? negation(filter.condition) : filter.condition; }

std::string text_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

}  // namespace

std::string relation_name(const Table& table) { return quote_identifier(table.schema) + "." + quote_identifier(table.relation); }

// `marked`: a column of the input must tell whether the join found a row.
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
  if (joined.relation.empty()) refuse("rows that bfl keeps");
  if (marked) return fmt::format("(SELECT true AS bfl_present, * FROM {}) AS {}", relation_name(joined), alias);
  return fmt::format("{} AS {}", relation_name(joined), alias);
}

// The message of a join that finds too few or too many rows, with what the row was looked for by.
std::string Writer::no_row(const Relation& relation, const Input& input, std::string_view found) {
  const std::string name = !input.alias.empty() ? input.alias : input.table ? table(*input.table).name : "the relation";
  std::string message =
      text_literal(fmt::format("join {} {} found {}", input.kind == InputKind::one ? "one" : "optional", name, found));
  const Input& anchor = relation.inputs[0];
  if (anchor.table) {
    const Table& rows = table(*anchor.table);
    if (const Key* key = rows.identity())
      for (std::size_t i = 0; i < key->columns.size(); ++i) {
        const auto column = static_cast<std::size_t>(key->columns[i]);
        message += fmt::format(" || {} || {}::text", text_literal(fmt::format("{}{} = ", i ? ", " : " for ", rows.columns[column].name)),
                               views_.at(anchor.id).columns.at(column));
      }
  }
  return raised(message, "boolean");
}

// Filters and joins that raise, in the order of the text, as one lazy list.
std::string Writer::join_checks(const Relation& relation, Conjuncts& first, const ExprPtr& more) {
  std::string list;
  std::size_t filter = 0;
  bool raises = false;
  const auto add_filters = [&](std::size_t inputs) {
    Conjuncts conjuncts;
    for (; filter < relation.filters.size() && relation.filters[filter].after_inputs <= inputs; ++filter)
      split(condition_of(relation.filters[filter]), conjuncts);
    if (inputs == relation.inputs.size() && more) split(more, conjuncts);
    if (!raises) first.plain.insert(first.plain.end(), conjuncts.plain.begin(), conjuncts.plain.end());
    if (const std::string text = joined(conjuncts); !text.empty()) list += fmt::format(" WHEN ({}) IS NOT TRUE THEN false", text);
  };
  for (std::size_t i = 0; i < relation.inputs.size(); ++i) {
    const Input& input = relation.inputs[i];
    // The join of an arm that does not apply to the row finds none, as it should.
    const std::string missing = fmt::format("{}{}.bfl_present IS NULL", i > 0 && input.when ? fmt::format("({}) IS TRUE AND ", condition(input.when)) : "", alias_of(input.id));
    if (i > 0 && must_find(input)) list += fmt::format(" WHEN {} THEN {}", missing, no_row(relation, input, "no row"));
    else if (i > 0 && input.when) list += fmt::format(" WHEN {} THEN false", missing);
    if (i > 0 && must_not_repeat(input)) {
      const auto kept = views_;
      const std::string from = input_from(input, false);
      list += fmt::format(" WHEN (SELECT count(*) FROM (SELECT FROM {} WHERE {} LIMIT 2) AS x) > 1 THEN {}", from, condition(input.on),
                          no_row(relation, input, "several rows"));
      views_ = kept;
    }
    raises = raises || (i > 0 && (must_find(input) || must_not_repeat(input)));
    add_filters(i + 1);
  }
  return "CASE" + list + " ELSE true END";
}

std::string Writer::body(const Relation& relation, const std::vector<std::string>& more_plain, const ExprPtr& more) {
  if (relation.follow) {
    refuse("`follow`");
    return {};
  }
  std::string text = " FROM ";
  bool checks = false;
  for (std::size_t i = 0; i < relation.inputs.size(); ++i) {
    const Input& input = relation.inputs[i];
    if (i == 0) {
      text += input_from(input, false);
      continue;
    }
    checks = checks || must_find(input) || must_not_repeat(input) || input.when;
    const bool outer = input.kind == InputKind::optional || must_find(input) || input.when;
    const std::string from = input_from(input, must_find(input) || input.when);
    text += fmt::format(" {} {} ON {}", outer ? "LEFT JOIN" : "JOIN", from, input.on ? condition(input.on) : "true");
  }
  std::string where;
  const auto also = [&](const std::string& part) {
    if (!part.empty()) where += (where.empty() ? "" : " AND ") + part;
  };
  for (const std::string& part : more_plain) also(part);
  Conjuncts conjuncts;
  if (checks) {
    const std::string chain = join_checks(relation, conjuncts, more);
    also(joined(conjuncts));
    also(chain);
  } else {
    for (const Filter& filter : relation.filters) split(condition_of(filter), conjuncts);
    if (more) split(more, conjuncts);
    also(joined(conjuncts));
  }
  if (!where.empty()) text += " WHERE " + where;
  if (relation.grouped && !relation.group_by.empty()) {
    text += " GROUP BY ";
    for (std::size_t i = 0; i < relation.group_by.size(); ++i) text += (i ? ", " : "") + value(relation.group_by[i]);
  }
  return text;
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
  if (relation.anchored)
    for (std::size_t i = 0; i < exposed.size(); ++i)
      list += fmt::format("{}{} AS k{}", list.empty() ? "" : ", ", anchor_column(relation, exposed[i]), i);
  // Without an aggregate there would be a row for each row, not for the one group.
  if (relation.grouped && relation.group_by.empty()) list += fmt::format("{}count(*) AS bfl_rows", list.empty() ? "" : ", ");
  if (list.empty()) list = "1";
  return "SELECT " + list + from + order_and_limit(relation);
}

std::string Writer::order_and_limit(const Relation& relation) {
  std::string text;
  for (const program::OrderKey& key : relation.order)
    text += (text.empty() ? " ORDER BY " : ", ") + sortable(key.expr) + (key.descending ? " DESC" : "") + " NULLS LAST";
  if (relation.limit) text += fmt::format(" LIMIT {}", *relation.limit);
  return text;
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
    case AggregateKind::first: case AggregateKind::last: {
      std::string order;
      const bool last = given.kind == AggregateKind::last;
      for (const program::OrderKey& key : given.order) {
        order += (order.empty() ? "" : ", ") + sortable(key.expr) + (key.descending != last ? " DESC" : "");
        order += last ? " NULLS FIRST" : " NULLS LAST";
      }
      return fmt::format("(array_agg({} ORDER BY {}){})[1]", value(operand), order, filter);
    }
    case AggregateKind::exists: case AggregateKind::list: break;
  }
  refuse("this aggregate over values of its type");
  return "NULL";
}

std::string Writer::subquery(const Expr& expr) {
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
  std::string order;
  for (const program::OrderKey& key : over.order) {
    const bool descending = key.descending != (over.kind == AggregateKind::last);
    order += (order.empty() ? " ORDER BY " : ", ") + sortable(key.expr) + (descending ? " DESC" : "");
    order += over.kind == AggregateKind::last ? " NULLS FIRST" : " NULLS LAST";
  }
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
