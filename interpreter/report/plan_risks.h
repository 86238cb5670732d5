// What a step of a plan may cost or break, each with its name and its reason; and what is locked and set off by it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/run/preview.h"

namespace bfl::report {

struct Risk {
  std::string_view name;   // `one-transaction`
  std::string reason;
};
std::vector<Risk> risks_of(const program::Program& program, const program::Step& step, const run::Preview& preview);

// Triggers of the table that it sets off, and rows of other tables that its foreign keys change along.
std::vector<std::string> set_off_by(const program::Program& program, const program::Step& step);
// What others have to wait for, and how long.
std::string locks_of(const program::Program& program, const program::Step& step);

}  // namespace bfl::report
