#include "interpreter/cli/atomic.h"

#include <fmt/format.h>

#include <cstdlib>

namespace bfl::cli {
namespace {

// A flag that asks for several connections, or for a part of the job.
void flags_fit(Session& session, const Arguments& arguments) {
  const auto no_place = [&](const char* flag, const char* why) {
    session.diagnostics.error(Code::no_part_of_one, session.program.atomic->span, fmt::format("`--{} {}` has no place in a run that is one transaction: {}", flag, arguments.value(flag), why),
                              session.program.atomic->asked_once ? fmt::format("leave out `--{}`, or `--atomic`", flag) : fmt::format("leave out `--{}`: the job says `atomic`", flag));
  };
  for (const char* flag : {"workers", "steps"})
    if (arguments.has(flag) && std::atoll(arguments.value(flag).c_str()) > 1) no_place(flag, "it is of one connection");
  if (arguments.has("limit-chunks")) no_place("limit-chunks", "there is no chunk behind which it could stop");
}

void not_in_it(Session& session, const run::PlannedStep& planned, const std::string& help) {
  if (planned.planned != run::Planned::later) return;
  for (const program::Step& step : session.program.steps)
    if (step.name == planned.step)
      session.diagnostics.error(Code::plan_in_part, step.name_span, fmt::format("`{}` is not in the plan, and a run that is one transaction does all of the job: {}", step.name, planned.why), help);
}

}  // namespace

bool may_be_atomic(Session& session, const Arguments& arguments, const run::KeptPlan* kept) {
  program::Program& program = session.program;
  if (!program.atomic && arguments.has("atomic")) {
    program.atomic = {.asked_once = true, .span = program.job_span};
    (void)check::check_atomic(program, session.diagnostics);
  }
  if (!program.atomic) return true;
  flags_fit(session, arguments);
  if (kept)
    for (const run::PlannedStep& step : kept->facts().steps)
      not_in_it(session, step, fmt::format("run the plan without `--atomic`, and a plan of the rest behind it; or, without a plan, `bfl run {} --atomic`", session.path));
  return !session.diagnostics.has_errors();
}

bool may_be_kept_whole(Session& session, const run::PlanKeeper& keeper) {
  if (session.program.atomic)
    for (const run::PlannedStep& step : keeper.steps()) not_in_it(session, step, fmt::format("`bfl run {}` does all of it, without a plan; or leave `atomic` out: then the rest has a plan of its own", session.path));
  return !session.diagnostics.has_errors();
}

}  // namespace bfl::cli
