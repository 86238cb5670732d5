// Of what the relations are made that a step keeps, for the ledger: whoever erases a row finds it there by what is known, not by names.
#pragma once
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/ledger/kept_origin.h"

namespace bfl::run {

// Of a snapshot its own, and those of what later steps read of what the step did.
std::vector<ledger::KeptOrigin> kept_origins(const program::Program& program, const program::Step& step);

// Of what other rows and tables a step reads than the row that it changes: values of them may lie in what it writes.
std::vector<ledger::TableName> tables_copied_from(const program::Program& program, const program::Step& step);

}  // namespace bfl::run
