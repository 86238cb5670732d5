// A row whose value another one takes over in a circle, under a unique key, holds a value meanwhile that nobody has: two changes of one row in
// one transaction. Both have their images, so that the ledger replays to the very rows and goes back the same way; the first bears a mark.
// Rows are counted, and not images: what is marked counts with the change behind it.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "interpreter/ledger/pack.h"

namespace bfl::ledger {

// The reason of such a record, planned or done: as people read it.
inline constexpr std::string_view in_between = "in between: the row is changed once more in the same transaction";
inline bool is_in_between(const Record& record) { return record.reason == in_between; }

// By what the row is known before the change, or after it. `key`: columns; none: the values in front of the row. `row`: where it begins in the values before.
std::string known_by(const Record& record, const std::vector<int>& key, std::size_t row, bool after);

// Makes one change of both: from the row before the step to the row after it.
class Joining {
 public:
  explicit Joining(std::vector<int> key, std::size_t row = 0) : key_(std::move(key)), row_(row) {}
  // False: the record is the first of two, and comes with the second.
  bool whole(Record& record);

 private:
  const std::vector<int> key_;
  const std::size_t row_;
  std::unordered_map<std::string, std::vector<Stored>> held_{};  // the values before, by the key as it is meanwhile
};

// Changes of one entry on the way back, the last one first: the other one of each two is the one in between.
void mark_backwards(std::vector<Record>& records, const std::vector<int>& key);

}  // namespace bfl::ledger
