// How grave the findings of a rule are in a project: as the rule says, unless `[lint]` in its bfl.toml says otherwise.
#pragma once
#include <map>

#include "interpreter/lint/lint.h"
#include "interpreter/project/project.h"

namespace bfl::lint {

// A policy only tightens: a rule is lowered, or switched off, with a reason, and never by a file nearer to the job than one that says
// otherwise. Spans of `diagnostics` are in `project.texts`.
Levels levels_of(const project::Project& project, Diagnostics& diagnostics);

}  // namespace bfl::lint
