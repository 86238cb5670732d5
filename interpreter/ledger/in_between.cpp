#include "interpreter/ledger/in_between.h"

#include <algorithm>
#include <unordered_set>

namespace bfl::ledger {

std::string known_by(const Record& record, const std::vector<int>& key, std::size_t row, bool after) {
  if (key.empty()) return encode(Key(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(std::min(row, record.before.size()))));
  Key values;
  for (const int column : key) {
    const auto changed = std::find_if(record.after.begin(), record.after.end(), [&](const auto& pair) { return after && pair.first == column; });
    const std::size_t at = row + static_cast<std::size_t>(column);
    values.push_back(changed != record.after.end() ? changed->second : at < record.before.size() ? record.before[at] : Stored{});
  }
  return encode(values);
}

bool Joining::whole(Record& record) {
  if (!record.table.empty() || record.before.size() <= row_) return true;
  if (is_in_between(record)) {
    held_[known_by(record, key_, row_, true)] = record.before;
    return false;
  }
  if (held_.empty()) return true;
  if (const auto held = held_.find(known_by(record, key_, row_, false)); held != held_.end()) {
    record.before = std::move(held->second);
    held_.erase(held);
  }
  return true;
}

void mark_backwards(std::vector<Record>& records, const std::vector<int>& key) {
  std::unordered_set<std::string> open;
  for (Record& record : records) {
    if (!record.table.empty() || record.kind != 'u') continue;
    if (is_in_between(record)) {
      record.reason.clear();
      open.insert(known_by(record, key, 0, true));
    } else if (!open.empty() && open.erase(known_by(record, key, 0, false)) > 0) {
      record.reason = in_between;
    }
  }
}

}  // namespace bfl::ledger
