// The rows that a step's own clauses leave out, as relations: `skip where`, `join one … else skip`, `else skip` of a `match`.
//
// Of the step's relation and of those that it is made from, not of relations that are joined or asked for in expressions. A row
// is left out by the first clause in the order of the text that says so.
#pragma once
#include <string>
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::lower {

struct LeftOut {
  std::string reason;
  program::RelationPtr rows;   // its fields are what the rows are known by, and its order
};

std::vector<LeftOut> left_out(const program::Program& program, const program::Step& step);
// Of an update: its `where` says by itself that a value differs, so that no row that it takes is right already.
bool takes_only_what_differs(const program::Program& program, const program::Step& step);
// count(R)
program::ExprPtr count_of(program::RelationPtr rows);

}  // namespace bfl::lower
