// A run as a whole: what its steps share, however many of them are under way.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/run/executor.h"
#include "interpreter/run/retry.h"

namespace bfl::run {

// What a signal said, and when.
struct SignalSeen {
  double at = 0;
  Result<std::optional<double>> value{std::optional<double>()};
};

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
  std::map<int, double> rates_ordered{};   // by source: orders are given in each
  std::set<std::string> heard{};           // orders that one of the steps has entered, or carried out
  std::map<const program::PaceRule*, SignalSeen> asked{};
  std::optional<std::size_t> decided_by{}; // the place, in the order of the plan, of the step whose failure is the exit code
  std::mutex mutex{};                      // held by whoever touches any of this, and for no longer than that; under Context::shared
  std::atomic<bool> ending{false};         // a step was stopped, and the run with it: no chunk begins any more

  void tell(const Event& event) {
    std::lock_guard lock(mutex);
    told(event);
  }
};

}  // namespace bfl::run
