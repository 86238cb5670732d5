#include "interpreter/cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "interpreter/cli/terminal.h"

namespace bfl::cli {

SignalWatch::SignalWatch(run::StopSignal& stop, std::function<void()> interrupt) : stop_(stop), interrupt_(std::move(interrupt)) {
  sigemptyset(&signals_);
  for (int signal : {SIGINT, SIGTERM, SIGUSR2}) sigaddset(&signals_, signal);  // SIGUSR2: our own call to leave
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
  done_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
}

void SignalWatch::watch() {
  while (!done_) {
    int signal = 0;
    if (sigwait(&signals_, &signal) != 0 || signal == SIGUSR2) continue;
    // The executor reads `signal` only after it has seen `level`.
    const int level = stop_.level.load() + 1;
    if (level > 2) {
      // The third time is meant: transactions make it safe to leave at any instant.
      _exit(128 + signal);
    }
    stop_.signal = signal;
    stop_.level = level;
    if (level == 2) interrupt_();
    std::fputs(level == 1 ? "\nfinishing the chunk in flight; once more rolls it back\n" : "\nrolling the chunk in flight back\n", stderr);
  }
}

}  // namespace bfl::cli
