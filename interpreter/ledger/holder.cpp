#include "interpreter/ledger/holder.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace bfl::ledger {
namespace {

struct Stat {
  char state = 0;           // 0: no such process, or no /proc here
  std::int64_t start = 0;
};

Stat stat_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');  // the name may hold spaces and parentheses
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  Stat stat;
  fields >> stat.state;  // field 3
  std::string field;
  for (int i = 4; i <= 22 && fields >> field; ++i) {}
  stat.start = std::atoll(field.c_str());
  return stat;
}

}  // namespace

Process this_process(const std::string& host) { return {host, getpid(), stat_of(getpid()).start}; }

bool alive(const Process& process) {
  if (process.pid <= 0 || (kill(static_cast<pid_t>(process.pid), 0) != 0 && errno != EPERM)) return false;
  const Stat stat = stat_of(process.pid);
  if (stat.state == 'Z' || stat.state == 'X') return false;  // killed, and nobody has asked for its exit code yet
  return process.start == 0 || stat.state == 0 || stat.start == process.start;
}

}  // namespace bfl::ledger
