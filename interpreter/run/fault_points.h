// Named places where a test may have the process killed. Nothing in a released binary: BFL_FAULT_POINTS is defined by
// tests only; then BFL_FAULT=name:n kills with SIGKILL at the n-th passage of the point.
#pragma once

#ifdef BFL_FAULT_POINTS
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace bfl::run {

inline void fault_point(const char* name) {
  static const char* const wanted = std::getenv("BFL_FAULT");
  if (!wanted) return;
  static const char* const colon = std::strchr(wanted, ':');
  static int left = colon ? std::atoi(colon + 1) : 1;
  const auto length = colon ? static_cast<std::size_t>(colon - wanted) : std::strlen(wanted);
  if (std::strlen(name) == length && std::strncmp(wanted, name, length) == 0 && --left == 0) kill(getpid(), SIGKILL);
}

}  // namespace bfl::run
#else
namespace bfl::run {
inline void fault_point(const char*) {}
}  // namespace bfl::run
#endif
