// Rules of `bfl lint` that the policy of a project makes errors: a job that breaks one is not run.
#pragma once
#include "interpreter/cli/session.h"

namespace bfl::cli {

// False with a diagnostic for each finding. The session's program is checked.
bool keeps_rules(Session& session);

}  // namespace bfl::cli
