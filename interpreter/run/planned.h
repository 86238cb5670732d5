// A run of a kept plan: whether the plan still fits, and what it says of a step.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "interpreter/run/decide.h"
#include "interpreter/run/kept_plan.h"

namespace bfl::run {

// What is no longer as it was when the plan was made; empty: it fits. `identities` of the sources, `script` is the digest of the job.
std::vector<std::string> changed_since(const KeptPlan& kept, const program::Program& program, const plan::Plan& plan, const std::vector<std::string>& identities,
                                       const std::string& script);
// The same of the tables. `sources` and `targets` are in step; nothing was checked yet: a table may have become one that the job does not fit.
Result<std::vector<std::string>> altered_since(const KeptPlan& kept, const std::vector<program::Source>& sources, const std::vector<connect::Connector*>& targets);
// The tables on which the steps hang that a plan holds.
Result<std::vector<PlannedTable>> tables_of(const program::Program& program, const std::function<bool(std::size_t step)>& held, const std::vector<connect::Connector*>& targets);
// Steps that would go on without the plan from which they were begun.
std::vector<std::size_t> begun_from_a_plan(const program::Program& program, const std::vector<Decision>& decisions, const std::vector<std::vector<ledger::Generation>>& generations);
// What else has run since the plan was made.
std::vector<std::string> run_since(const KeptPlan& kept, const program::Program& program, const std::vector<Decision>& decisions,
                                   const std::vector<std::vector<ledger::Generation>>& generations);
// The statement of an `sql` step as it is sent, with the values that are bound to it.
std::string statement_of(const program::Program& program, const program::Step& step);
// A generation was opened for it.
bool begun_by(const KeptPlan& kept, const std::vector<std::vector<ledger::Generation>>& generations);

std::string help_to_plan(const std::string& job_file);

}  // namespace bfl::run
