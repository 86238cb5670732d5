// What PostgreSQL's SQL says exactly as bfl means it. Nothing else is said: an error of class refused names what has no exact
// words, and the caller takes another way.
#pragma once
#include "interpreter/lower/sql.h"

namespace bfl::lower::postgres {

Result<DirectUpdate> direct_update(const program::Program& program, const program::Step& step);
// Of updates alone: other kinds of steps are computed elsewhere.
Result<Intents> intents(const program::Program& program, const program::Step& step);
Result<Statement> recompute(const program::Program& program, const program::Step& step);
Hands hands(const program::Program& program, const program::Step& step);
Statement change_beside(const program::Program& program, const program::Step& step);  // by the walk, and whole rows come back
Result<Statement> stored_rows(const program::Program& program, const program::Relation& rows, const std::vector<int>& columns);
Statement whole_table(const program::Program& program, program::TableRef table);
KeptTable kept_table(const program::Program& program, program::TableRef table);
Result<Statement> scalar(const program::Program& program, const program::ExprPtr& expr);
Result<Statement> select(const program::Program& program, const program::Relation& relation);

}  // namespace bfl::lower::postgres
