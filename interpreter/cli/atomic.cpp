#include "interpreter/cli/atomic.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "interpreter/cli/same_place.h"
#include "interpreter/ledger/ledger.h"

namespace bfl::cli {
namespace {

// A flag that asks for several connections, or for a part of the job.
void flags_fit(Session& session, const Arguments& arguments) {
  const bool says_so = !session.program.atomic->asked_once;
  const auto no_place = [&](const char* flag, const char* why) {
    session.diagnostics.error(Code::no_part_of_one, session.program.atomic->span, fmt::format("`--{} {}` has no place in a run that is one transaction: {}", flag, arguments.value(flag), why),
                              says_so ? fmt::format("leave out `--{}`: the job says `atomic`", flag) : fmt::format("leave out `--{}`, or `--atomic`", flag));
  };
  for (const char* flag : {"workers", "steps"})
    if (arguments.has(flag) && std::atoll(arguments.value(flag).c_str()) > 1) no_place(flag, "it is of one connection");
  if (arguments.has("limit-chunks")) no_place("limit-chunks", "there is no chunk behind which it could stop");
  if (says_so && arguments.has("only")) no_place("only", "all of the job is done, or nothing");
}

void not_in_it(Session& session, const run::PlannedStep& planned, const std::string& help) {
  if (planned.planned != run::Planned::later) return;
  for (const program::Step& step : session.program.steps)
    if (step.name == planned.step)
      session.diagnostics.error(Code::plan_in_part, step.name_span, fmt::format("`{}` is not in the plan, and a run that is one transaction does all of the job: {}", step.name, planned.why), help);
}

// The source that the transaction is of; negative: nothing is written.
int written_source(const program::Program& program) {
  for (const program::Step& step : program.steps)
    if (!program::only_asserts(step.kind) && (step.relation || step.sql)) return step.target.source;
  return -1;
}

// Another source that is the same database: what is read through it is what was there before the transaction.
bool no_other_source(Session& session, const std::function<bool(std::size_t written, std::size_t other)>& same) {
  const program::Program& program = session.program;
  const int written = program.atomic ? written_source(program) : -1;
  if (written < 0) return true;
  bool sound = true;
  for (std::size_t i = 0; i < program.sources.size(); ++i) {
    const program::Source &other = program.sources[i], &one = program.sources[static_cast<std::size_t>(written)];
    if (static_cast<int>(i) == written || !session.connectors[i]->has_sql() || !same(static_cast<std::size_t>(written), i)) continue;
    session.diagnostics.error(Code::no_part_of_one, other.span, fmt::format("`{}` is the database that `{}` writes: through it a step would see what was there before the transaction", other.name, one.name),
                              fmt::format("read it as `{}`", one.name))
        .labels.push_back({one.span, "written in one transaction"});
    sound = false;
  }
  return sound;
}

bool same_address(const std::string& one, const std::string& other) {
  constexpr std::string_view file = "sqlite:";
  if (!one.starts_with(file) || !other.starts_with(file)) return same_place(one, other);
  std::error_code unknown;
  return std::filesystem::equivalent(one.substr(file.size()), other.substr(file.size()), unknown) && !unknown;
}

}  // namespace

bool take_atomic(Session& session, const Arguments& arguments) {
  program::Program& program = session.program;
  if (program.atomic || !arguments.has("atomic")) return true;
  program.atomic = {.asked_once = true, .span = program.job_span};
  return check::check_atomic(program, session.diagnostics);
}

bool may_be_atomic(Session& session, const Arguments& arguments, const run::KeptPlan* kept) {
  (void)take_atomic(session, arguments);
  program::Program& program = session.program;
  if (!program.atomic) return true;
  flags_fit(session, arguments);
  (void)no_other_source(session, [&](std::size_t written, std::size_t other) { return same_address(program.sources[written].url, program.sources[other].url); });
  if (kept)
    for (const run::PlannedStep& step : kept->facts().steps)
      not_in_it(session, step, fmt::format("run the plan without `--atomic`, and a plan of the rest behind it; or, without a plan, `bfl run {} --atomic`", session.path));
  return !session.diagnostics.has_errors();
}

bool reads_what_it_writes(Session& session) {
  return no_other_source(session, [&](std::size_t written, std::size_t other) {
    const auto one = ledger::identity(*session.connectors[written]), also = ledger::identity(*session.connectors[other]);
    return one && also && !one->empty() && *one == *also;
  });
}

bool may_be_kept_whole(Session& session, const run::PlanKeeper& keeper) {
  if (session.program.atomic)
    for (const run::PlannedStep& step : keeper.steps()) not_in_it(session, step, fmt::format("`bfl run {}` does all of it, without a plan; or leave `atomic` out: then the rest has a plan of its own", session.path));
  return !session.diagnostics.has_errors();
}

}  // namespace bfl::cli
