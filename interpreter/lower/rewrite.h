// Making expressions from expressions, subqueries included. Expressions are immutable: what does not change is shared.
#pragma once
#include <functional>

#include "interpreter/check/program.h"

namespace bfl::lower {

// Applies `change` to every node from the top: a node that it answers takes the old one's place, others are descended into.
program::ExprPtr rewrite(const program::ExprPtr& expr, const std::function<program::ExprPtr(const program::ExprPtr&)>& change);

// An inlined function's argument that is seen inside a subquery cannot be handed over as a value: the argument's expression
// takes its place there.
program::ExprPtr without_binds_around_subqueries(const program::ExprPtr& expr);

bool has_subquery(const program::Expr& expr);
bool mentions_input(const program::Expr& expr, program::InputId input);  // subqueries included
bool mentions_column(const program::Expr& expr, program::InputId input, int column);

// New nodes.
program::ExprPtr literal(Value value, Type type);
program::ExprPtr column_of(program::InputId input, int column, Type type);
program::ExprPtr compare(program::CompareOp op, program::ExprPtr left, program::ExprPtr right);
program::ExprPtr all_of(std::vector<program::ExprPtr> conditions);  // none: true
program::ExprPtr any_of(std::vector<program::ExprPtr> conditions);  // none: false
program::ExprPtr negation(program::ExprPtr condition);
program::ExprPtr converted(program::ExprPtr expr, const Type& type);  // the same, if it is of that kind already

}  // namespace bfl::lower
