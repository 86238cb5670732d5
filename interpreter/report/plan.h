// The plan as people and programs read it: what would happen, and why, step by step.
#pragma once
#include <string>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/executor.h"

namespace bfl::report {

// `previews` in step with Program::steps; shorter when the database could not be asked.
std::string plan_text(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, RenderStyle style);
std::string plan_json(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews);

}  // namespace bfl::report
