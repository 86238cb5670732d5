// Orders to whoever runs a job in a target, given from any host: rows of bfl_control, looked at between chunks. None is ever
// removed, so that the table tells who gave which, and who took it back.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

struct Order {
  std::string job;       // empty: every job of the target
  std::string kind;      // `pause`: the run waits; `cancel`: it ends, once; `halt`: it ends, and none begins
  std::string who, reason;
  std::string given;     // when, ISO 8601
  std::string text() const;  // "paused by ann@host since …: reason"
};

// In force for the job, those for every job among them.
Result<std::vector<Order>> orders(connect::Connector& target, const std::string& job);
Result<void> give(connect::Connector& target, const Order& order);
// Takes back those of one kind, or, with an empty kind, `pause` and `halt`; only those given for exactly this `job`. Gives how
// many there were.
Result<std::int64_t> take_back(connect::Connector& target, const std::string& job, const std::string& kind, const std::string& who, const std::string& when);

}  // namespace bfl::ledger
