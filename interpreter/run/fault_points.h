// Named places where a test may have the process killed. Nothing in a released binary: BFL_FAULT_POINTS is defined by one
// test program only; there BFL_FAULT=name:n kills with SIGKILL at the n-th passage of the point.
#pragma once

#ifdef BFL_FAULT_POINTS
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace bfl::run {

inline void fault_point(const char* name) {
  static const std::string wanted = std::getenv("BFL_FAULT") ? std::getenv("BFL_FAULT") : "";
  static const std::size_t colon = wanted.find(':');
  static int left = colon == std::string::npos ? 1 : std::atoi(wanted.c_str() + colon + 1);
  if (!wanted.empty() && wanted.compare(0, colon, name) == 0 && --left == 0) kill(getpid(), SIGKILL);
}

}  // namespace bfl::run
#else
namespace bfl::run {
constexpr void fault_point(const char*) {}
}  // namespace bfl::run
#endif
