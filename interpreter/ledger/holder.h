// Who is running a job on this machine: told from a process that is gone, whatever took its number since.
#pragma once
#include <cstdint>
#include <string>

namespace bfl::ledger {

struct Process {
  std::string host;
  std::int64_t pid = 0;
  std::int64_t start = 0;   // ticks since boot, field 22 of /proc/PID/stat; 0 where it cannot be told
  friend bool operator==(const Process&, const Process&) = default;
};

Process this_process(const std::string& host);
bool alive(const Process& process);   // of this host

}  // namespace bfl::ledger
