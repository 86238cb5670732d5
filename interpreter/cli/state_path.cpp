#include "interpreter/cli/state_path.h"

#include <filesystem>

namespace bfl::cli {

std::string state_path_of(const Arguments& arguments) {
  if (arguments.has("state")) return arguments.value("state");
  std::filesystem::path folder;
  for (const std::string& operand : arguments.operands)
    if (arguments.command == "run" || arguments.command == "undo" || operand.ends_with(".bfl")) folder = std::filesystem::path(operand).parent_path();
  return (folder / ".bfl" / "state.db").string();
}

}  // namespace bfl::cli
