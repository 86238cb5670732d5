// What is made from the table of commands for people and shells: help, the man page, completion scripts.
#pragma once
#include <string>

#include "interpreter/cli/commands.h"

namespace bfl::cli {

std::string overview();                     // `bfl help`
std::string help_of(const Command& command);  // `bfl help run`
std::string man_page();                     // mdoc

}  // namespace bfl::cli
