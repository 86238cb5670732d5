// The shape of an expression as text: equal for expressions that compute the same from the same columns.
//
// Positions are left out. Two uses: the name of a fused function, and finding that a `where` already says that a value
// differs. Subqueries and aggregates count by identity: for both uses a missed equality costs nothing but speed.
#pragma once
#include <string>

#include "interpreter/check/program.h"

namespace bfl::lower {

std::string shape(const program::Expr& expr);

}  // namespace bfl::lower
