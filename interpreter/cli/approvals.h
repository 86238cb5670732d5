// Who has approved a plan, and whether that is enough.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "interpreter/cli/session.h"
#include "interpreter/run/kept_plan.h"

namespace bfl::cli {

struct Approvals {
  std::vector<project::Approver> given;  // whose signatures hold and count
  std::map<std::string, std::int64_t> times;  // when they were given, in seconds since 1970, by name
  std::vector<std::string> author;       // approvers whose signatures hold and do not count: they made the plan
  bool forged = false;                   // a signature that claims to be an approver's and is not
};
Approvals approvals_of(const run::KeptPlan& kept, const project::Project& project, bool not_author);

// Whether the job may be run as it is asked: it has not expired, says of itself what the policy wants, breaks none of the rules
// that it makes errors, and is approved as job and policy ask. Diagnostics where not.
bool may_run(Session& session, const run::KeptPlan* kept);

}  // namespace bfl::cli
