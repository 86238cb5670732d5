// Ctrl-C and SIGTERM while rows are being changed: once, the chunk in flight is finished; twice, it is rolled back.
//
// The signals are blocked and taken by a thread of their own, so that nothing has to be safe in a signal handler. Before this
// object they end the process as usual; after it they stay blocked, so that one that comes late cannot cut off the summary.
#pragma once
#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

#include "interpreter/run/executor.h"

namespace bfl::cli {

class SignalWatch {
 public:
  // `interrupt` cancels the running statements; called from the watching thread at the second signal.
  SignalWatch(run::StopSignal& stop, std::function<void()> interrupt);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void watch();
  run::StopSignal& stop_;
  std::function<void()> interrupt_;
  sigset_t signals_{};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace bfl::cli
