// How long a step may take: some of its rows, changed in a temporary copy of their table while a clock runs.
#pragma once
#include <optional>

#include "interpreter/run/intended.h"

namespace bfl::run {

struct Trial {
  static constexpr std::int64_t most_rows = 2'000;    // that are tried
  static constexpr std::int64_t least_rows = 20'000;  // of a step that is worth it
  std::int64_t rows = 0;
  double seconds = 0;
};

// The first rows of a step, as they are planned. Where it is computed.
Result<void> collect_some(const Intention& intention, const Workbench& bench, Spool& rows);
// Nothing where it cannot be tried. The database is as it was behind it; on PostgreSQL this takes a connection of its own.
std::optional<Trial> try_some(const Intention& intention, bool direct, Spool& rows);

}  // namespace bfl::run
