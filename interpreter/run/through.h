// Rows of a snapshot on their way through a program of the user's.
//
// The program gets a line of JSON for each row, `{"row": 1, "takes": {…}}`, a batch of them a call, and answers with as many,
// in the same order: `{"row": 1, "gives": {…}}`. Rows that look the same to it are asked once. What it answered is kept, batch
// by batch, in a table beside the snapshot's, until the snapshot itself is: a run that goes on asks only what has no answer yet.
// No more than a batch is held in memory: rows are in a temporary file, answers in a temporary database as well.
#pragma once
#include "interpreter/run/context.h"
#include "interpreter/run/row_spool.h"

namespace bfl::run {

// Puts behind the values of each row what the program gives for it, as the snapshot's table stores it. Nothing: done.
std::optional<StepEnd> go_through(Context& context, const program::Step& step, RowSpool& rows);
// Part of the transaction that keeps the snapshot.
Result<void> drop_answers(connect::Connector& target, const program::Program& program, const program::Step& step);

}  // namespace bfl::run
