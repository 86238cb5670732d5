// When a run undoes itself for the rows that it has not changed: `rollback when conflicts > 5 or quarantined > 1%`.
#pragma once
#include <string>

#include "interpreter/check/program.h"
#include "interpreter/ledger/rows_done.h"

namespace bfl::run {

// Why so many rows in conflict, or in quarantine, are more than `rollback when` of the job allows; empty: they are not.
std::string rows_to_roll_back(const program::Program& program, const ledger::RowsDone& done);

}  // namespace bfl::run
