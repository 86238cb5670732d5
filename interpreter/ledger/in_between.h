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

// Makes one change of both: from the row before the step to the row after it.
class Joining {
 public:
  // `key`: columns by which the step knows the row; `row`: where it begins in the values before, behind those of its key.
  explicit Joining(std::vector<int> key, std::size_t row = 0) : key_(std::move(key)), row_(row) {}
  // The record, or both as one, which stands until the next call; null: it is the first of two, and comes with the second.
  const Record* whole(const Record& record);

 private:
  std::string known_by(const Record& record, bool after) const;

  const std::vector<int> key_;
  const std::size_t row_;
  std::unordered_map<std::string, std::vector<Stored>> held_{};  // the values before, by the key as it is meanwhile
  Record joined_{};
};

}  // namespace bfl::ledger
