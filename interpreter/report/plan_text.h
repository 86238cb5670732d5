// What `bfl plan` shows to people: which rows will change, what they become, how, why, and in which order.
//
// It draws the very Plan that `bfl run` executes and the previews measured for it; it decides nothing itself.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/preview.h"

namespace bfl::report {

struct PlanStyle {
  bool color = false;
  std::size_t width = 100;  // lines are broken here, between words; sample rows are not
};

// `previews` in step with Program::steps; fewer (a database that could not be asked) leave the other steps unmeasured. `refused`: see facts_of.
std::string plan_text(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews,
                      const PlanStyle& style = {}, const std::vector<std::string>& refused = {});

}  // namespace bfl::report
