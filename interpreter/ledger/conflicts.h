// Rows that the chunks of a generation have left as they were, because somebody has changed them meanwhile.
#pragma once
#include <functional>
#include <string>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

Result<void> each_conflict(connect::Connector& target, std::int64_t step, const std::function<void(const Key& key, const std::string& reason)>& each);

}  // namespace bfl::ledger
