// Where the state file of a command is.
#pragma once
#include <string>

#include "interpreter/cli/arguments.h"

namespace bfl::cli {

// `--state`, or `.bfl/state.db` beside the job where the command names one, or in the current folder.
std::string state_path_of(const Arguments& arguments);

}  // namespace bfl::cli
