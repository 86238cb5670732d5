#include "interpreter/ledger/holder.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

namespace bfl::ledger {
namespace {

std::int64_t start_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');  // the name may hold spaces and parentheses
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22 && fields >> field; ++i) {}
  return std::atoll(field.c_str());
}

}  // namespace

Process this_process(const std::string& host) { return {host, getpid(), start_of(getpid())}; }

bool alive(const Process& process) {
  if (process.pid <= 0 || (kill(static_cast<pid_t>(process.pid), 0) != 0 && errno != EPERM)) return false;
  return process.start == 0 || start_of(process.pid) == process.start;
}

}  // namespace bfl::ledger
