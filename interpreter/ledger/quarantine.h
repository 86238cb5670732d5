// Rows that a chunk has walked over and not changed, each with the reason in its pack: those that a step could not change and has set
// aside, and those that it left out. What was decided about one stands in the lane of the job. So everything here follows from entries, and is proved with them.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

struct Quarantined {
  std::int64_t step = 0;               // row of bfl_step
  std::string name;                    // of the step
  std::int64_t generation = 0;
  Key key;                             // by which the step knows its rows
  std::string error;
  std::string run, who, time;          // of the chunk
};

// Of one generation, resolved or not, in the order in which they were set aside.
Result<std::vector<Quarantined>> set_aside(connect::Connector& target, std::int64_t step);
// What waits for somebody: of the newest generation of each step of the job that is not undone, without what was resolved.
Result<std::vector<Quarantined>> quarantine(connect::Connector& target, const std::string& job);

// Rows that the chunks of a generation have left out when their turn came, with the reason.
Result<void> each_skipped(connect::Connector& target, std::int64_t step, const std::function<void(const Key& key, const std::string& reason)>& each);

}  // namespace bfl::ledger
