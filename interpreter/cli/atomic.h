// Whether what is asked for can be one transaction, where the job says `atomic` or the run `--atomic`.
#pragma once
#include "interpreter/cli/session.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/plan_keeper.h"

namespace bfl::cli {

// `--atomic` becomes a part of the program: false, with diagnostics, where the job cannot be one transaction.
bool take_atomic(Session& session, const Arguments& arguments);
// Of a run, with its plan if it has one: the same, of its flags and its plan as well, and of sources that lead to the database that is written.
bool may_be_atomic(Session& session, const Arguments& arguments, const run::KeptPlan* kept);
// When bfl's tables are there: false, with diagnostics, where another source is the database that is written, by whatever address.
bool reads_what_it_writes(Session& session);
// Of a plan that was made: false, with diagnostics, where some step of an atomic job is not in it.
bool may_be_kept_whole(Session& session, const run::PlanKeeper& keeper);

}  // namespace bfl::cli
