// Whether what is asked for can be one transaction, where the job says `atomic` or the run `--atomic`.
#pragma once
#include "interpreter/cli/session.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/plan_keeper.h"

namespace bfl::cli {

// Of a run, with its plan if it has one: false, with diagnostics, where it cannot. `--atomic` becomes a part of the program.
bool may_be_atomic(Session& session, const Arguments& arguments, const run::KeptPlan* kept);
// Of a plan that was made: false, with diagnostics, where some step of an atomic job is not in it.
bool may_be_kept_whole(Session& session, const run::PlanKeeper& keeper);

}  // namespace bfl::cli
