// What several `bfl.toml` say together of the jobs below all of them.
#pragma once
#include "interpreter/project/project.h"

namespace bfl::project {

// `whole` holds what the files around `nearer` say. Of each rule of the policy the stricter one counts, and whoever approves is listed by
// every file that lists anybody; a nearer file that asks for less is an error. Rules of `[lint]` stand one behind the other: which one is
// the stricter is known to the stage that knows the rules.
void add_up(Project& whole, const Project& nearer, Diagnostics& diagnostics);

}  // namespace bfl::project
