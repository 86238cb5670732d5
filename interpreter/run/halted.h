// What stops every run that is begun here: a file, or the environment.
#pragma once
#include <string>

namespace bfl::run {

// Why; empty: nothing does. `beside`: the file that stops all jobs, behind whose name that of one job may stand.
std::string halted_here(const std::string& job, const std::string& beside);

}  // namespace bfl::run
