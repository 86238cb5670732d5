// Where a job runs: `--env`, and what `promote` asks of it.
#pragma once
#include "interpreter/cli/session.h"

namespace bfl::cli {

// `--env NAME`: the addresses of bfl.toml, of sources that `--source` does not give; false with diagnostics.
bool take_environment(Session& session, const Arguments& arguments);
// Whether a job that says `promote staging -> production` may run where it is to: elsewhere, or with a completed run of the same meaning
// there. After the plan was made. Diagnostics where not.
bool is_promoted(Session& session);
// Whether a run that finds nothing to do has to say in the ledger that the job is completed as it means now: where another environment waits
// for that.
bool completion_counts(const Session& session);

}  // namespace bfl::cli
