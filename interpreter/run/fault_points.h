// Named places where a test may have the process killed. Nothing in a released binary: BFL_FAULT_POINTS is defined by one
// test program only; there BFL_FAULT=name:n kills with SIGKILL at the n-th passage of the point.
#pragma once

#ifdef BFL_FAULT_POINTS
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace bfl::run {

inline int fault_passages = 0;

inline void fault_point(const char* name) {
  const char* wanted = std::getenv("BFL_FAULT");
  const std::size_t length = std::strlen(name);
  if (!wanted || std::strncmp(wanted, name, length) != 0 || wanted[length] != ':') return;
  if (++fault_passages == std::atoi(wanted + length + 1)) kill(getpid(), SIGKILL);
}

}  // namespace bfl::run
#else
namespace bfl::run {
constexpr void fault_point(const char*) {}
}  // namespace bfl::run
#endif
