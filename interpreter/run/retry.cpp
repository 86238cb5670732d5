#include "interpreter/run/retry.h"

#include <algorithm>
#include <random>

namespace bfl::run {

const program::Retry& retry_of(const program::Program& program, const program::Step& step) {
  static const program::Retry usual;
  return step.retry ? *step.retry : program.retry ? *program.retry : usual;
}

double backoff(const program::Retry& retry, std::int64_t number) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  double most = static_cast<double>(retry.first);
  for (std::int64_t doubled = 1; doubled < number && most < static_cast<double>(retry.longest); ++doubled) most *= 2;
  most = std::min(most, static_cast<double>(retry.longest));
  return std::uniform_real_distribution<double>(0, most)(random) / 1e6;
}

void Breaker::note(bool failed) {
  if (count_ == window) failures_ -= last_[at_];
  else ++count_;
  failures_ += failed;
  ever_failed_ += failed;
  last_[at_] = failed;
  at_ = (at_ + 1) % window;
}

}  // namespace bfl::run
