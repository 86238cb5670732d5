// Rows of a step that its database would not take: how many, and by what.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/result.h"

namespace bfl::run {

struct Refusals {
  static constexpr std::size_t most_keys = 3, most_reasons = 20;
  struct Reason {
    std::string text;                 // the database's words, or which reference it is
    std::int64_t rows = 0;
    std::vector<std::string> keys{};  // of the first of them, `id = 7`
  };
  std::vector<Reason> reasons{};
  std::vector<std::string> untried{};  // what else may refuse some of them, and why it was not asked
  std::int64_t conflicts = 0;         // rows that would stay as they are, for one of those keeps what they are to have under a unique key
  std::int64_t waiting = 0;           // rows that were set aside before: nobody tries them again
  bool before_all = false;            // of a delete: it would not begin
  bool all = true;                    // false: there are more of them than were looked for
  std::optional<Error> first{};       // of the first row

  std::int64_t rows() const;
  // A row, or several that go together.
  void add(const Error& error, std::int64_t rows = 1);
};

}  // namespace bfl::run
