// What stands in the meaning of a step (program.h) that its text alone does not settle.
#pragma once
#include <set>
#include <string>

#include "interpreter/check/program.h"

namespace bfl::program {

struct Meaning {
  std::string text{};             // meaning() of the step
  std::set<std::string> zones{};  // names of the time zones that its functions are asked for; an empty one: a name that is computed
};
Meaning meaning_and_zones(const Step& step, const Program& program);

}  // namespace bfl::program
