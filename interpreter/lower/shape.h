// The shape of an expression as text: what it computes, without positions.
#pragma once
#include <string>

#include "interpreter/check/program.h"

namespace bfl::lower {

// Equal for expressions that compute the same from the same columns. Subqueries and aggregates count by identity: a missed
// equality costs nothing but speed.
std::string shape(const program::Expr& expr);

// Equal for expressions that are the same function of their slots: columns, subqueries and aggregates are numbered in order
// of appearance, so that the name of a fused function depends neither on memory nor on the rest of the script.
std::string function_shape(const program::Expr& expr);

}  // namespace bfl::lower
