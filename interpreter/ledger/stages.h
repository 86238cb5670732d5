// Stages of a rollout, as the lane of the job tells them: begun, held to be right, approved.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

struct Stage {
  std::string share;        // per cent of the step's rows at which it ends
  std::int64_t rows = 0;    // of all stages, as counted when the first one began
  std::string passed{};     // when what has to be so at its end was so, ISO 8601; empty: not yet
  bool waits = false;       // passed, and somebody has to approve it
  std::string approved{};   // by whom; empty: by nobody
};

// Of a generation, in the order in which they were begun; none of a step that goes without.
Result<std::vector<Stage>> stages(connect::Connector& target, const std::string& job, std::int64_t step);

}  // namespace bfl::ledger
