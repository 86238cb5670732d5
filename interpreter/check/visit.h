// Walking expressions and relations, subqueries included. `see` takes `const Expr&`, and `const Relation&` if it likes.
#pragma once
#include <type_traits>

#include "interpreter/check/program.h"

namespace bfl::check {

template <class... F>
struct Seeing : F... { using F::operator()...; };
template <class... F>
Seeing(F...) -> Seeing<F...>;

template <class F>
void for_each(const program::Relation& relation, F&& see);

template <class F>
void for_each(const program::Expr& expr, F&& see) {
  see(expr);
  for (const auto& argument : expr.args) for_each(*argument, see);
  if (expr.relation) for_each(*expr.relation, see);
  if (expr.window) {
    for (const auto& key : expr.window->partition) for_each(*key, see);
    for (const auto& key : expr.window->order) for_each(*key.expr, see);
  }
  if (!expr.aggregate) return;
  // Of a subquery, the operand is the relation's one field.
  if (expr.aggregate->operand && !expr.relation) for_each(*expr.aggregate->operand, see);
  if (expr.aggregate->start) for_each(*expr.aggregate->start, see);
  if (expr.aggregate->filter) for_each(*expr.aggregate->filter, see);
  for (const auto& key : expr.aggregate->order) for_each(*key.expr, see);
}

template <class F>
void for_each(const program::Relation& relation, F&& see) {
  if constexpr (std::is_invocable_v<F, const program::Relation&>) see(relation);
  for (const auto& input : relation.inputs) {
    if (input.sub) for_each(*input.sub, see);
    for (const auto& more : input.united) for_each(*more, see);
    if (input.elements) for_each(*input.elements, see);
    if (input.on) for_each(*input.on, see);
    if (input.when) for_each(*input.when, see);
  }
  if (relation.follow)
    for (const auto* list : {&relation.follow->first, &relation.follow->start_key, &relation.follow->key})
      for (const auto& part : *list) for_each(*part, see);
  for (const auto& filter : relation.filters) for_each(*filter.condition, see);
  for (const auto& key : relation.group_by) for_each(*key, see);
  for (const auto& field : relation.fields) for_each(*field.expr, see);
  for (const auto& key : relation.order) for_each(*key.expr, see);
}

inline bool mentions(const program::Expr& expr, program::InputId input) {
  bool found = false;
  for_each(expr, [&](const program::Expr& at) { found |= at.kind == program::ExprKind::column && at.input == input; });
  return found;
}

}  // namespace bfl::check
