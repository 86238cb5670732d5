// Named places where a test may have the process killed or stopped. Nothing in a released binary: BFL_FAULT_POINTS is defined
// only for `bfl_faults`, the binary that tests/faults drives. There BFL_FAULT=name:n kills with SIGKILL at the n-th passage of
// the point, BFL_FAULT=name:n:stop stops with SIGSTOP until somebody wakes the process, and BFL_FAULT_TRACE=FILE notes each
// passage of any point, a line each.
#pragma once

#ifdef BFL_FAULT_POINTS
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

namespace bfl {

inline constexpr bool has_fault_points = true;
inline std::atomic<int> fault_passages{0};

inline void fault_point(const char* name) {
  if (const char* trace = std::getenv("BFL_FAULT_TRACE")) {
    const std::string line = std::string(name) + "\n";
    const int file = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || write(file, line.data(), line.size()) < 0) std::abort();
    close(file);
  }
  const char* wanted = std::getenv("BFL_FAULT");
  const std::size_t length = std::strlen(name);
  if (!wanted || std::strncmp(wanted, name, length) != 0 || wanted[length] != ':') return;
  char* end = nullptr;
  if (++fault_passages == std::strtol(wanted + length + 1, &end, 10)) raise(std::strcmp(end, ":stop") == 0 ? SIGSTOP : SIGKILL);
}

}  // namespace bfl
#else
namespace bfl {
inline constexpr bool has_fault_points = false;
constexpr void fault_point(const char*) {}
}  // namespace bfl
#endif
