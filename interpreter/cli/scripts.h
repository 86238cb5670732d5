// Scripts as files: which ones an operand stands for, and how one is rewritten.
#pragma once
#include <string>
#include <vector>

#include "interpreter/base/result.h"

namespace bfl::cli {

// Folders stand for the scripts in them, in the order of their names.
std::vector<std::string> scripts_of(const std::vector<std::string>& operands);

// The script takes the place of the old one in one instant, with its permissions; a link keeps leading to it.
Result<void> write_script(const std::string& path, const std::string& text);

}  // namespace bfl::cli
