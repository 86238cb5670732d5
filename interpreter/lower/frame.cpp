#include "interpreter/lower/frame.h"

#include <fmt/format.h>

#include "interpreter/lower/rewrite.h"

namespace bfl::lower {

using program::ExprPtr;
using program::Filter;
using program::Input;
using program::InputKind;
using program::OrderKey;
using program::Relation;

namespace {

// Joins that must find a row, and joins that must not find two.
bool must_find(const Input& input) { return input.kind == InputKind::one && !input.skip_missing; }
bool must_not_repeat(const Input& input) {
  return (input.kind == InputKind::one || input.kind == InputKind::optional) && !input.at_most_one;
}

ExprPtr condition_of(const Filter& filter) { return filter.skip ? negation(filter.condition) : filter.condition; }

}  // namespace

std::string alias_of(program::InputId id) { return fmt::format("t{}", id); }

// Filters and joins that raise, in the order of the text, as one lazy list.
std::string Frame::join_checks(const Relation& relation, Conjuncts& first, const ExprPtr& more) {
  std::string list;
  std::size_t filter = 0;
  bool raised = false;
  const auto add_filters = [&](std::size_t inputs) {
    Conjuncts conjuncts;
    for (; filter < relation.filters.size() && relation.filters[filter].after_inputs <= inputs; ++filter)
      split(condition_of(relation.filters[filter]), conjuncts);
    if (inputs == relation.inputs.size() && more) split(more, conjuncts);
    if (!raised) {
      first.plain.insert(first.plain.end(), conjuncts.plain.begin(), conjuncts.plain.end());
      first.hints.insert(first.hints.end(), conjuncts.hints.begin(), conjuncts.hints.end());
    }
    conjuncts.hints.clear();
    if (const std::string text = join(conjuncts); !text.empty()) list += fmt::format(" WHEN ({}) IS NOT TRUE THEN {}", text, truth(false));
  };
  add_filters(1);
  for (std::size_t i = 1; i < relation.inputs.size(); ++i) {
    const Input& input = relation.inputs[i];
    // The join of an arm that does not apply to the row finds none, as it should.
    const std::string only = input.when ? fmt::format("({}) IS TRUE AND ", condition(input.when)) : "";
    if (must_find(input)) list += fmt::format(" WHEN {}{} THEN {}", only, is_missing(input), raise(relation, input, "no row"));
    else if (input.when) list += fmt::format(" WHEN {}{} THEN {}", only, is_missing(input), truth(false));
    if (must_not_repeat(input)) {
      const std::string from = input_from(input, false);
      list += fmt::format(" WHEN (SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT 2) AS twice) > 1 THEN {}", from, join_condition(input.on),
                          raise(relation, input, "several rows"));
    }
    raised = raised || must_find(input) || must_not_repeat(input);
    add_filters(i + 1);
  }
  return fmt::format("CASE{} ELSE {} END", list, truth(true));
}

std::string Frame::body(const Relation& relation, const std::vector<std::string>& more_plain, const ExprPtr& more) {
  std::string text = " FROM ";
  bool checks = false;
  if (!relation.inputs.empty()) text += input_from(relation.inputs[0], false);
  const Apart apart(*this);
  for (std::size_t i = 1; i < relation.inputs.size(); ++i) {
    const Input& input = relation.inputs[i];
    checks = checks || must_find(input) || must_not_repeat(input) || input.when;
    const bool outer = input.kind == InputKind::optional || must_find(input) || input.when;
    const std::string from = input_from(input, must_find(input) || input.when);
    text += fmt::format(" {} {} ON {}", outer ? "LEFT JOIN" : "JOIN", from, input.on ? join_condition(input.on) : std::string(truth(true)));
  }

  std::string where;
  const auto also = [&](const std::string& part) {
    if (!part.empty()) where += (where.empty() ? "" : " AND ") + part;
  };
  for (const std::string& part : more_plain) also(part);
  Conjuncts conjuncts;
  if (checks) {
    const std::string chain = join_checks(relation, conjuncts, more);
    also(join(conjuncts));
    also(chain);
  } else {
    for (const Filter& filter : relation.filters) split(condition_of(filter), conjuncts);
    if (more) split(more, conjuncts);
    also(join(conjuncts));
  }
  if (!where.empty()) text += " WHERE " + where;
  if (relation.grouped && !relation.group_by.empty()) {
    text += " GROUP BY ";
    for (std::size_t i = 0; i < relation.group_by.size(); ++i) text += (i ? ", " : "") + group_key(relation.group_by[i]);
  }
  return text;
}

std::string Frame::select_list(const Relation& relation, std::string list) {
  if (relation.anchored)
    for (std::size_t i = 0; i < exposed.size(); ++i)
      list += fmt::format("{}{} AS k{}", list.empty() ? "" : ", ", anchor_column(relation, exposed[i]), i);
  // Without an aggregate there would be a row for each row, not for the one group.
  if (relation.grouped && relation.group_by.empty()) list += fmt::format("{}count(*) AS bfl_rows", list.empty() ? "" : ", ");
  return list.empty() ? "1" : list;
}

std::string Frame::order_and_limit(const Relation& relation) {
  std::string text = relation.order.empty() ? std::string() : " " + order_by(relation.order);
  if (relation.limit) text += fmt::format(" LIMIT {}", *relation.limit);
  return text;
}

std::string Frame::order_by(const std::vector<OrderKey>& keys) {
  std::string text;
  for (const OrderKey& key : keys) {
    text += (text.empty() ? "ORDER BY " : ", ") + sortable(key.expr) + (key.descending ? " DESC" : "");
    if (key.expr->type.nullable) text += " NULLS LAST";
  }
  return text;
}

std::string Frame::order_from_end(const std::vector<OrderKey>& keys) {
  std::string text;
  for (const OrderKey& key : keys) {
    text += (text.empty() ? "ORDER BY " : ", ") + sortable(key.expr) + (key.descending ? "" : " DESC");
    if (key.expr->type.nullable) text += " NULLS FIRST";
  }
  return text;
}

}  // namespace bfl::lower
