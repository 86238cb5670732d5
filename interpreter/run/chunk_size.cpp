#include "interpreter/run/chunk_size.h"

#include <algorithm>

namespace bfl::run {

std::int64_t ChunkSize::after(const ChunkSeen& seen, const ChunkAim& aim) {
  constexpr double most_changed = 80'000, most_walked = 2'000'000;  // what a chunk changes is kept in memory until it is done
  constexpr double growth = 4, shrinkage = 1.0 / 64, least_share = 0.1, recovery = 0.05;
  const auto rows = static_cast<double>(std::max<std::int64_t>(seen.rows, 1)), changed = static_cast<double>(std::max<std::int64_t>(seen.changed, 1));
  seen_one_ = true;
  share_ = seen.waiting > 0 ? std::max(least_share, share_ / 2) : std::min(1.0, share_ + recovery);
  double factor = std::clamp(aim.seconds * share_ / std::max(seen.seconds, 1e-4), shrinkage, growth);
  if (seen.bytes > 0 && aim.bytes > 0) factor = std::min(factor, static_cast<double>(aim.bytes) / static_cast<double>(seen.bytes));
  if (aim.rows_a_second > 0) factor = std::min(factor, aim.rows_a_second / 10 / changed);
  const double most = std::clamp(most_changed / changed * rows, most_changed, most_walked);
  return static_cast<std::int64_t>(std::clamp(rows * factor, 1.0, aim.rows_a_second > 0 ? std::clamp(aim.rows_a_second, 1.0, most) : most));
}

std::int64_t ChunkSize::at_pace(std::int64_t rows, double rows_a_second) const {
  return std::min(rows, std::max<std::int64_t>(1, static_cast<std::int64_t>(seen_one_ ? rows_a_second : rows_a_second / 10)));
}

}  // namespace bfl::run
