// An act on a job that is no run of it: rows that are settled, values that are erased.
#pragma once
#include <functional>
#include <string>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

// Takes the job over, acts, and lets it go as it was: over, or to be gone on with under the clock that it had. That is told behind the
// taking over, where nobody changes it. Errors: held, while a job is run; those of the act.
Result<void> hold_for(connect::Connector& target, const std::string& job, const Runner& runner, const std::function<Result<void>(Writer&)>& act);

}  // namespace bfl::ledger
