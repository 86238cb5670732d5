#include "interpreter/ledger/in_between.h"

#include <algorithm>

namespace bfl::ledger {

// By what the row is known before the change, or after it.
std::string Joining::known_by(const Record& record, bool after) const {
  if (key_.empty()) return encode(Key(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(row_)));
  Key values;
  for (const int column : key_) {
    const auto changed = std::find_if(record.after.begin(), record.after.end(), [&](const auto& pair) { return after && pair.first == column; });
    const std::size_t at = row_ + static_cast<std::size_t>(column);
    values.push_back(changed != record.after.end() ? changed->second : at < record.before.size() ? record.before[at] : Stored{});
  }
  return encode(values);
}

const Record* Joining::whole(const Record& record) {
  if (!record.table.empty() || record.before.size() <= row_ || (key_.empty() && row_ == 0)) return &record;
  if (is_in_between(record)) {
    held_[known_by(record, true)] = record.before;
    return nullptr;
  }
  if (held_.empty()) return &record;
  const auto held = held_.find(known_by(record, false));
  if (held == held_.end()) return &record;
  joined_ = record;
  joined_.before = std::move(held->second);
  held_.erase(held);
  return &joined_;
}

}  // namespace bfl::ledger
