#include "interpreter/lower/rewrite.h"

#include <algorithm>

namespace bfl::lower {

using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using program::Relation;
using program::RelationPtr;

namespace {

using Change = std::function<ExprPtr(const ExprPtr&)>;

// True when something was replaced.
bool apply(ExprPtr& expr, const Change& change) {
  if (!expr) return false;
  ExprPtr made = rewrite(expr, change);
  const bool changed = made != expr;
  expr = std::move(made);
  return changed;
}

bool apply(std::vector<program::OrderKey>& order, const Change& change) {
  bool changed = false;
  for (auto& key : order) changed |= apply(key.expr, change);
  return changed;
}

bool apply(std::vector<ExprPtr>& exprs, const Change& change) {
  bool changed = false;
  for (auto& expr : exprs) changed |= apply(expr, change);
  return changed;
}

RelationPtr rewrite_relation(const RelationPtr& relation, const Change& change) {
  if (!relation) return relation;
  Relation copy = *relation;
  bool changed = false;
  for (auto& input : copy.inputs) {
    changed |= apply(input.on, change);
    changed |= apply(input.elements, change);
    const auto part = [&](RelationPtr& at) {
      RelationPtr made = rewrite_relation(at, change);
      changed |= made != at;
      at = std::move(made);
    };
    part(input.sub);
    for (auto& more : input.united) part(more);
  }
  for (auto& filter : copy.filters) changed |= apply(filter.condition, change);
  if (copy.follow) {
    changed |= apply(copy.follow->first, change);
    changed |= apply(copy.follow->start_key, change);
    changed |= apply(copy.follow->key, change);
  }
  changed |= apply(copy.group_by, change);
  for (auto& field : copy.fields) changed |= apply(field.expr, change);
  changed |= apply(copy.order, change);
  return changed ? std::make_shared<const Relation>(std::move(copy)) : relation;
}

// `found` on any node, subqueries included, stops the walk.
bool any_node(const Expr& expr, const std::function<bool(const Expr&)>& found) {
  bool hit = false;
  const Change look = [&](const ExprPtr& node) -> ExprPtr {
    hit = hit || found(*node);
    return hit ? node : nullptr;  // answering the node itself ends the descent
  };
  rewrite(std::make_shared<const Expr>(expr), look);
  return hit;
}

ExprPtr node(Expr expr) { return std::make_shared<const Expr>(std::move(expr)); }

ExprPtr substitute(const ExprPtr& body, std::uint32_t slot, const ExprPtr& argument) {
  return rewrite(body, [&](const ExprPtr& at) -> ExprPtr { return at->kind == ExprKind::local && at->slot == slot ? argument : nullptr; });
}

}  // namespace

ExprPtr rewrite(const ExprPtr& expr, const Change& change) {
  if (ExprPtr answer = change(expr)) return answer;
  std::vector<ExprPtr> args = expr->args;
  bool changed = false;
  changed |= apply(args, change);
  RelationPtr relation = rewrite_relation(expr->relation, change);
  changed |= relation != expr->relation;
  std::shared_ptr<const program::Aggregate> aggregate = expr->aggregate;
  if (aggregate) {
    program::Aggregate copy = *aggregate;
    bool touched = apply(copy.operand, change);
    touched |= apply(copy.start, change);
    touched |= apply(copy.filter, change);
    touched |= apply(copy.order, change);
    if (touched) aggregate = std::make_shared<const program::Aggregate>(std::move(copy));
    changed |= touched;
  }
  std::shared_ptr<const program::Window> window = expr->window;
  if (window) {
    program::Window copy = *window;
    bool touched = apply(copy.partition, change);
    touched |= apply(copy.order, change);
    if (touched) window = std::make_shared<const program::Window>(std::move(copy));
    changed |= touched;
  }
  if (!changed) return expr;
  Expr copy = *expr;
  copy.args = std::move(args);
  copy.relation = std::move(relation);
  copy.aggregate = std::move(aggregate);
  copy.window = std::move(window);
  return node(std::move(copy));
}

bool has_subquery(const Expr& expr) {
  if (expr.kind == ExprKind::subquery) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](const ExprPtr& argument) { return has_subquery(*argument); });
}

bool mentions_input(const Expr& expr, program::InputId input) {
  return any_node(expr, [&](const Expr& at) { return at.kind == ExprKind::column && at.input == input; });
}

bool mentions_column(const Expr& expr, program::InputId input, int column) {
  return any_node(expr, [&](const Expr& at) { return at.kind == ExprKind::column && at.input == input && at.column == column; });
}

ExprPtr without_binds_around_subqueries(const ExprPtr& expr) {
  if (!has_subquery(*expr)) return expr;
  return rewrite(expr, [](const ExprPtr& at) -> ExprPtr {
    if (at->kind != ExprKind::bind || !has_subquery(*at->args[1])) return nullptr;
    return without_binds_around_subqueries(substitute(at->args[1], at->slot, at->args[0]));
  });
}

namespace {

ExprPtr form(ExprKind kind, Type type, Span span, std::vector<ExprPtr> args) {
  Expr expr;
  expr.kind = kind;
  expr.type = std::move(type);
  expr.span = span;
  expr.args = std::move(args);
  return node(std::move(expr));
}

}  // namespace

ExprPtr literal(Value value, Type type) {
  Expr expr;
  expr.type = std::move(type);
  expr.value = std::move(value);
  return node(std::move(expr));
}

ExprPtr column_of(program::InputId input, int column, Type type) {
  Expr expr;
  expr.kind = ExprKind::column;
  expr.type = std::move(type);
  expr.input = input;
  expr.column = column;
  return node(std::move(expr));
}

ExprPtr compare(program::CompareOp op, ExprPtr left, ExprPtr right) {
  Expr expr;
  expr.kind = ExprKind::compare;
  expr.type.kind = Kind::boolean;
  expr.span = right->span;
  expr.op = op;
  expr.args = {std::move(left), std::move(right)};
  return node(std::move(expr));
}

ExprPtr all_of(std::vector<ExprPtr> conditions) {
  if (conditions.empty()) return literal(true, Type{Kind::boolean});
  if (conditions.size() == 1) return conditions[0];
  const Span span = conditions[0]->span;
  return form(ExprKind::and_, Type{Kind::boolean}, span, std::move(conditions));
}

ExprPtr any_of(std::vector<ExprPtr> conditions) {
  if (conditions.empty()) return literal(false, Type{Kind::boolean});
  if (conditions.size() == 1) return conditions[0];
  const Span span = conditions[0]->span;
  return form(ExprKind::or_, Type{Kind::boolean}, span, std::move(conditions));
}

ExprPtr negation(ExprPtr condition) {
  const Span span = condition->span;
  return form(ExprKind::not_, Type{Kind::boolean}, span, {std::move(condition)});
}

ExprPtr converted(ExprPtr expr, const Type& type) {
  if (expr->type.kind == type.kind || expr->type.kind == Kind::null) return expr;
  const Span span = expr->span;
  const bool nullable = expr->type.nullable;
  return form(ExprKind::convert, type.with_null(nullable), span, {std::move(expr)});
}

}  // namespace bfl::lower
