// The meaning of a step as a text in which `a and b` and `b and a` are one, `a == b` and `b == a`: for people who compare two versions. Memo keys know
// the order: it decides at which condition a row that cannot be computed stops a run.
#pragma once
#include <string>

#include "interpreter/check/program.h"

namespace bfl::program {

std::string meaning_in_any_order(const Step& step, const Program& program);

}  // namespace bfl::program
