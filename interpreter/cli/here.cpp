#include "interpreter/cli/here.h"

#include <pwd.h>
#include <unistd.h>

namespace bfl::cli {

std::string user_name() {
  const passwd* entry = getpwuid(geteuid());
  return entry ? entry->pw_name : std::to_string(geteuid());
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace bfl::cli
