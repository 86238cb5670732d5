#include "interpreter/cli/here.h"

#include <pwd.h>
#include <unistd.h>

#include "interpreter/ledger/writer.h"
#include "interpreter/run/executor.h"

namespace bfl::cli {

std::string user_name() {
  const passwd* entry = getpwuid(geteuid());
  return entry ? entry->pw_name : std::to_string(geteuid());
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

ledger::Runner runner_here(run::Clock& clock, const std::string& run) {
  return {run, user_name(), BFL_VERSION, {}, ledger::this_process(host_name()), {}, [&clock] { return clock.now(); }};
}

}  // namespace bfl::cli
