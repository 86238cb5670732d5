// What a run has heard of orders, entered in the ledger of its job: which, given by whom and when.
#pragma once
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

// `taken_back`: that the order is no longer in force, by whom; `bfl_control` knows.
Result<void> enter_heard(Writer& writer, connect::Connector& target, const Order& order, bool taken_back = false);

}  // namespace bfl::ledger
