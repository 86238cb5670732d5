// Kept plans: made by `bfl plan -o`, carried out by `bfl run --plan`.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/cli/session.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/plan_keeper.h"
#include "interpreter/run/preview.h"

namespace bfl::cli {

// Ends a plan: what was kept, for whom. False with diagnostics.
bool end_plan(Session& session, const Arguments& arguments, run::PlanWriter& file, const run::PlanKeeper& keeper, const std::vector<run::Preview>& previews,
              Digest& digest);

// `--plan FILE`: reads it whole, and adds to the arguments what it says of the job: its path, parameters and sources that are not
// given again. False with diagnostics.
bool take_plan(Session& session, Arguments& arguments, std::unique_ptr<run::KeptPlan>& kept);
// Whether the tables on which it hangs are as they were: asked before the job is checked against them; diagnostics where not.
bool tables_fit(Session& session, const run::KeptPlan& kept);
// Whether it is a plan of this job, of these databases and of what they look like now; diagnostics where not.
bool plan_fits(Session& session, const run::KeptPlan& kept);
// What the ledger is to say of it.
std::vector<std::pair<const char*, std::map<std::string, std::string>>> attested(const run::KeptPlan& kept, const project::Project& project);

}  // namespace bfl::cli
