// What an undo would break: steps that stand on what it would put back, and triggers that would run for it.
#pragma once
#include <vector>

#include "interpreter/run/undo.h"

namespace bfl::run {

// Refused where a later step of the job, which is not put back as well, has read what this one wrote, or has written what this one read: in
// the same rows, where both go by the rows of one table, else in the same table. `generations`: of the job in the task's source.
Result<void> refuse_chain(const program::Program& program, connect::Connector& target, const UndoTask& task, const std::vector<UndoTask>& tasks,
                          const std::vector<ledger::Generation>& generations);

// Refused where a trigger of the database would run for a row that is put back: the row would not become what it was.
Result<void> refuse_triggers(const program::Program& program, connect::Connector& target, const UndoTask& task);

}  // namespace bfl::run
