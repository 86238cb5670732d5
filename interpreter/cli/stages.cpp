// `bfl approve JOB.bfl`: a stage of a rollout that waits may be left.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/ledger/stages.h"
#include "interpreter/ledger/writer.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

struct Waiting {
  std::size_t source = 0;
  ledger::Generation of;
  std::size_t stage = 0;  // counted from 1
  std::string share;
};

Result<std::vector<Waiting>> waiting(const Session& session, const std::string& step) {
  std::vector<Waiting> all;
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    connect::Connector& target = *session.connectors[i];
    auto there = target.has_sql() ? ledger::exists(target) : Result<bool>(false);
    if (!there) return there.error();
    if (!*there) continue;
    auto generations = ledger::generations(target, session.program.job);
    if (!generations) return generations.error();
    for (ledger::Generation& generation : *generations) {
      if (generation.state != ledger::StepState::open || (!step.empty() && generation.step != step)) continue;
      auto stages = ledger::stages(target, session.program.job, generation.id);
      if (!stages) return stages.error();
      if (!stages->empty() && stages->back().waits && stages->back().approved.empty()) all.push_back({i, std::move(generation), stages->size(), stages->back().share});
    }
  }
  return all;
}

// The diary of this machine, where it has the run that waits: `bfl status` says no more that it does. The ledger is what counts.
void note_in_diary(const Arguments& arguments, const Session& session, const Waiting& stage, Timestamp now) {
  const std::string path = state_path_of(arguments);
  if (!std::filesystem::exists(path)) return;
  auto state = store::open_state(path);
  constexpr std::size_t searched = 1'000;
  auto runs = state ? (*state)->runs(searched) : Result<std::vector<store::RunRecord>>(state.error());
  if (!runs) return;
  const auto run = std::find_if(runs->begin(), runs->end(), [&](const store::RunRecord& one) { return one.job == session.program.job; });
  if (run == runs->end()) return;
  store::JournalEntry entry;
  entry.run = run->id, entry.job = run->job, entry.step = stage.of.step, entry.kind = "stage_approved", entry.time = format_timestamp(now);
  entry.reason = fmt::format("stage {} ({}%) by {}@{}{}", stage.stage, stage.share, user_name(), host_name(), arguments.value("why").empty() ? "" : ": " + arguments.value("why"));
  (void)(*state)->append(entry);
}

}  // namespace

int approve_stage(const Arguments& arguments) {
  Session session;
  if (!load(session, arguments, arguments.operands[0]) || !check(session, Access::write)) return failed(session);
  const std::string step = arguments.value("step");
  auto found = waiting(session, step);
  if (!found) return failed(found.error());
  if (found->empty())
    return failed(Error{ErrorClass::data, fmt::format("no stage of {} waits for approval", step.empty() ? "the job" : "`" + step + "`"), {}, fmt::format("`bfl status {}` shows where it is; a kept plan is approved by its file", arguments.operands[0])});
  if (found->size() > 1) return failed(Error{ErrorClass::data, "stages of several steps wait for approval", {}, fmt::format("name one of them: `--step {}`", found->front().of.step)});
  const Waiting& stage = found->front();
  connect::Connector& target = *session.connectors[stage.source];
  auto clock = run::system_clock();
  auto writer = ledger::Writer::take_over(target, session.program.job, runner_here(*clock));
  if (!writer) return failed(writer.error());
  auto approved = (*writer)->approve_stage(stage.of.id, stage.stage, arguments.value("why"));
  auto released = (*writer)->release(false);
  if (!approved || !released) return failed(approved ? released.error() : approved.error());
  note_in_diary(arguments, session, stage, clock->now());
  if (arguments.has("json")) report::put(stdout, fmt::format("{{\"step\":\"{}\",\"stage\":{},\"share\":\"{}%\",\"approved\":true}}\n", stage.of.step, stage.stage, stage.share));
  else report::put(stdout, fmt::format("stage {} of `{}` ({}%, {} changed so far) is approved; `bfl run` goes on\n", stage.stage, stage.of.step, stage.share, report::counted(stage.of.changed, "row")));
  return exit_code::done;
}

}  // namespace bfl::cli
