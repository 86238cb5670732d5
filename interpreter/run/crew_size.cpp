#include "interpreter/run/crew_size.h"

#include <fmt/format.h>

#include <algorithm>

namespace bfl::run {

bool CrewSize::look(const CrewSeen& seen) {
  constexpr double least_quiet = 5, most_quiet = 120, calm = 60;  // seconds; all of them at work for so long: earlier trouble is forgotten
  const bool waits = seen.waiting > 0, again = waits && waited_;
  waited_ = waits;
  if (seen.failures > 0 || again) {
    if (wanted_ < most_) quiet_ = std::min(quiet_ * 2, most_quiet);
    since_ = seen.now;
    waited_ = false;
    if (wanted_ == 1) return false;
    wanted_ = std::max<std::size_t>(1, wanted_ / 2);
    why_ = seen.failures > 0 ? fmt::format("{} transaction{} failed", seen.failures, seen.failures == 1 ? "" : "s")
                             : fmt::format("{} session{} for rows of theirs", seen.waiting, seen.waiting == 1 ? " waited" : "s waited");
    return true;
  }
  if (waits) {
    since_ = seen.now;
    return false;
  }
  if (wanted_ == most_) {
    if (seen.now - since_ >= calm) quiet_ = least_quiet;
    return false;
  }
  if (seen.now - since_ < quiet_) return false;
  since_ = seen.now;
  ++wanted_;
  why_ = fmt::format("nobody waited for {:.0f} s", quiet_);
  return true;
}

}  // namespace bfl::run
