// A run as a whole: what its steps share, however many of them are under way.
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "interpreter/run/executor.h"
#include "interpreter/run/retry.h"

namespace bfl::run {

struct WholeRun {
  store::State& state;
  Diagnostics& diagnostics;
  Listener told{};                         // the journal, then whoever wants to know
  Outcome outcome{};
  Result<void> diary{};                    // what went wrong with the state file
  bool diary_told = false;                 // said to whoever runs it
  bool interruption_told = false;
  std::int64_t chunks_left = -1;           // negative: any number
  Breaker breaker{};                       // of the run's chunks
  std::vector<double> heartbeat_at{};      // by source
  double rate = 0, due = 0;                // rows a second of the whole job, 0: any; when what was spent of them is paid for
  std::mutex mutex{};                      // held by whoever touches any of this, and for no longer than that; under Context::shared
  std::atomic<bool> ending{false};         // a step was stopped, and the run with it: no chunk begins any more

  void tell(const Event& event) {
    std::lock_guard lock(mutex);
    told(event);
  }
};

}  // namespace bfl::run
