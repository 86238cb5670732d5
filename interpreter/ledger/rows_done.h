// What became of the rows that a run was to change.
#pragma once
#include <cstdint>

namespace bfl::ledger {

struct RowsDone {
  std::int64_t changed = 0, conflicts = 0, quarantined = 0;
  RowsDone& operator+=(const RowsDone& more) {
    changed += more.changed;
    conflicts += more.conflicts;
    quarantined += more.quarantined;
    return *this;
  }
};

}  // namespace bfl::ledger
