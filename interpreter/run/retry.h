// When what failed for a while is tried again, and when that is given up.
#pragma once
#include <cstdint>
#include <cstddef>

#include "interpreter/check/program.h"

namespace bfl::run {

// As the step says, or the job, or by default.
const program::Retry& retry_of(const program::Program& program, const program::Step& step);

// Seconds to wait before the `number`-th repetition (1, 2, …), drawn from the whole of what the policy allows: many clients
// that failed together do not come back together.
double backoff(const program::Retry& retry, std::int64_t number);

// Opens when more than half of the last transactions of a run failed: each single chunk may still come through within its own
// budget, but a database in that state is not to be pushed further.
class Breaker {
 public:
  void note(bool failed);
  bool open() const { return count_ >= least && 2 * failures_ > count_; }
  std::size_t failures() const { return failures_; }
  std::size_t looked_at() const { return count_; }
  std::int64_t ever_failed() const { return ever_failed_; }

 private:
  static constexpr std::size_t window = 40, least = 20;
  bool last_[window] = {};
  std::size_t at_ = 0, count_ = 0, failures_ = 0;
  std::int64_t ever_failed_ = 0;
};

}  // namespace bfl::run
