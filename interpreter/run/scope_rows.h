// Which rows only one of two versions of a step chooses, by asking the database: what an edit of a scope comes to.
#pragma once
#include "interpreter/plan/changes.h"
#include "interpreter/run/context.h"

namespace bfl::run {

// One version of a job, on its own connections.
struct Version {
  const program::Program& program;
  std::vector<connect::Connector*> sources;
};

// For each step whose scope has changed, as far as both versions change rows of one table found by one key. What cannot be compared
// says why. Reads only.
void compare_scopes(plan::Changes& changes, const Version& before, const Version& after, Clock& clock);

}  // namespace bfl::run
