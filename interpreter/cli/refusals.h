// What a run would refuse, or wait for, before it changes anything: asked of the very checks that a run makes.
#pragma once
#include <string>
#include <vector>

#include "interpreter/cli/session.h"

namespace bfl::cli {

// Of a session with a plan. Each becomes a warning; gives what is said.
std::vector<std::string> warn_of_refusals(Session& session, const Arguments& arguments);

}  // namespace bfl::cli
