// The rows of one table as the steps of a kept plan leave them.
//
// A plan is made before anything is changed, and a later step of it may hold a row that an earlier one sets. What the later one is to
// find there is not what was seen, but what the earlier one makes of it: that alone is told from a change by somebody else.
#pragma once
#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

#include "interpreter/run/spool.h"

namespace bfl::run {

class AsLeft {
 public:
  explicit AsLeft(const Table& table) : table_(table) {}
  // The rows of a step, known by `keys` values, as what comes before each of them in the plan leaves it. What they set is kept in mind.
  Result<void> follow(Spool& rows, std::size_t keys, Spool& into);

 private:
  using Values = std::vector<std::pair<int, ledger::Stored>>;  // columns and what they were set to
  ledger::Short row_of(const ledger::Record& record, std::size_t keys) const;

  const Table& table_;
  std::unordered_map<ledger::Short, Values, ledger::HashShort> set_{};  // by row
};

}  // namespace bfl::run
