#include "interpreter/cli/state_path.h"

#include <filesystem>

namespace bfl::cli {

std::string state_path_of(const Arguments& arguments) {
  if (arguments.has("state")) return arguments.value("state");
  std::filesystem::path folder;
  const bool about_a_job = !arguments.operands.empty() && (arguments.command == "run" || arguments.operands[0].ends_with(".bfl"));
  if (about_a_job) folder = std::filesystem::path(arguments.operands[0]).parent_path();
  return (folder / ".bfl" / "state.db").string();
}

}  // namespace bfl::cli
