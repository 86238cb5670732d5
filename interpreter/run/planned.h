// A run of a kept plan: whether the plan still fits, and what it says of a step.
#pragma once
#include <string>
#include <vector>

#include "interpreter/run/decide.h"
#include "interpreter/run/kept_plan.h"

namespace bfl::run {

// What is no longer as it was when the plan was made; empty: it fits. `identities` of the sources, `script` is the digest of the job.
std::vector<std::string> changed_since(const KeptPlan& kept, const program::Program& program, const plan::Plan& plan, const std::vector<std::string>& identities,
                                       const std::string& script);
// The same of the steps' generations: what else has run since.
std::vector<std::string> run_since(const KeptPlan& kept, const program::Program& program, const std::vector<Decision>& decisions,
                                   const std::vector<std::vector<ledger::Generation>>& generations);
// The statement of an `sql` step as it is sent, with the values that are bound to it.
std::string statement_of(const program::Program& program, const program::Step& step);
// A generation was opened for it.
bool begun_by(const KeptPlan& kept, const std::vector<std::vector<ledger::Generation>>& generations);

std::string help_to_plan(const std::string& job_file);

}  // namespace bfl::run
