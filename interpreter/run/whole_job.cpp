#include "interpreter/run/whole_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/trace.h"

namespace bfl::run {
namespace {

constexpr const char* entry_kind = "whole";
constexpr const char* untouched = "nothing of the job was changed: it is one transaction";

// Forwards all but what was seen to be committed, while nothing is.
class WithoutSeen final : public store::State {
 public:
  WithoutSeen(store::State& inner, const connect::Nested& nested) : inner_(inner), nested_(nested) {}
  Result<void> begin_run(const store::RunRecord& run) override { return inner_.begin_run(run); }
  Result<void> end_run(const std::string& run, const std::string& finished, int exit_code) override { return inner_.end_run(run, finished, exit_code); }
  Result<void> append(const store::JournalEntry& entry) override { return inner_.append(entry); }
  Result<void> flush() override { return inner_.flush(); }
  Result<std::vector<store::RunRecord>> runs(std::size_t limit) override { return inner_.runs(limit); }
  Result<std::vector<store::JournalEntry>> journal(const std::string& run) override { return inner_.journal(run); }
  Result<std::optional<store::FinishedJob>> finished(const std::string& inputs) override { return inner_.finished(inputs); }
  Result<void> remember(const store::FinishedJob& job) override { return inner_.remember(job); }
  Result<void> forget(const std::string& job) override { return inner_.forget(job); }
  Result<std::optional<std::int64_t>> known_seq(const std::string& target, std::int64_t step_row) override { return inner_.known_seq(target, step_row); }
  Result<void> note_seq(const std::string& target, std::int64_t step_row, std::int64_t seq) override {
    return nested_.spans() ? Result<void>{} : inner_.note_seq(target, step_row, seq);
  }
  Result<std::vector<Known>> known() override { return inner_.known(); }
  Result<void> forget_target(const std::string& target) override { return inner_.forget_target(target); }
  Result<Proven> verify() override { return inner_.verify(); }

 private:
  store::State& inner_;
  const connect::Nested& nested_;
};

void say(Context& context, Code code, const Error& error, int exit_code) {
  Diagnostic& diagnostic = context.whole.diagnostics.error(code, context.program.job_span, error.message, error.help);
  diagnostic.notes.push_back(untouched);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  context.whole.outcome.exit_code = exit_code;
}

void say(Context& context, const Error& error) {
  const bool again = error.kind == ErrorClass::transient || error.kind == ErrorClass::held || error.kind == ErrorClass::unknown_commit;
  say(context, code_of(error), error, again ? 75 : error.kind == ErrorClass::data ? 1 : error.kind == ErrorClass::refused ? 4 : 5);
}

}  // namespace

bool may_be_whole(const program::Program& program, const KeptPlan* kept, Diagnostics& diagnostics) {
  const auto no_place = [&](Span at, const std::string& what, const char* why) {
    diagnostics.error(Code::unknown_clause, at, fmt::format("{} has no place in a run that is one transaction: {}", what, why), "leave it out, or `--atomic`: without it each row is changed once as well");
  };
  constexpr const char* waits = "its locks are held from the first row to the last, and waiting holds them longer";
  if (program.pace) no_place(program.job_span, "`pace` of the job", waits);
  std::set<int> written;
  for (const program::Step& step : program.steps) {
    if (step.pace) no_place(step.name_span, fmt::format("`pace` of `{}`", step.name), waits);
    if (step.rollout) no_place(step.rollout->span, fmt::format("the rollout of `{}`", step.name), "nobody sees a stage before all of them are there");
    if (step.quarantine) no_place(step.name_span, fmt::format("`quarantine` of `{}`", step.name), "all of it is done, or nothing");
    const PlannedStep* planned = kept ? kept->step(step.name) : nullptr;
    if (planned && planned->planned == Planned::later)
      diagnostics.error(Code::nothing_to_keep, step.name_span, fmt::format("`{}` is not in the plan, and a run that is one transaction does all of the job: {}", step.name, planned->why),
                        "run the plan without `--atomic`, and a plan of the rest behind it; or the job without a plan");
    if (!program::only_asserts(step.kind)) written.insert(step.target.source);
  }
  if (written.size() > 1) {
    std::string names;
    for (const int source : written) names += fmt::format("{}`{}`", names.empty() ? "" : " and ", program.sources[static_cast<std::size_t>(source)].name);
    diagnostics.error(Code::unknown_clause, program.job_span, fmt::format("the job changes {}, and no transaction spans two databases", names),
                      "run it without `--atomic`: a job that was cut short goes on where it stopped");
  }
  return !diagnostics.has_errors();
}

WholeJob::WholeJob(const program::Program& program, const std::vector<connect::Connector*>& targets) : targets_(targets) {
  const auto found = std::find_if(program.steps.begin(), program.steps.end(), [](const program::Step& step) { return step.kind != program::StepKind::verify && step.keeper >= 0; });
  if (found == program.steps.end()) return;
  first_ = &*found;
  connect::Connector*& written = targets_[static_cast<std::size_t>(first_->keeper)];
  nested_ = std::make_unique<connect::Nested>(*written);
  written = nested_.get();
}

store::State& WholeJob::state(store::State& known) {
  if (!nested_) return known;
  state_ = std::make_unique<WithoutSeen>(known, *nested_);
  return *state_;
}

bool WholeJob::begin(Context& context) {
  if (!nested_ || !context.writers[static_cast<std::size_t>(first_->keeper)]) return true;
  if (context.pause(*first_, first_->keeper)) return false;
  ledger::Writer& writer = context.writer(first_->keeper);
  attempt_ = new_attempt();
  auto begun = nested_->begin_all();
  // Locks the job's row until the end: nobody takes it over. By this entry an unknown commit is recognised.
  if (begun) begun = writer.attest(entry_kind, {{"attempt", attempt_}});
  for (const auto& [what, fields] : context.options.attested)
    if (begun) begun = writer.attest(what, fields);
  if (!begun) {
    nested_->rollback_all();
    say(context, begun.error());
    return false;
  }
  fault_point("whole_begun");
  tell_ = std::exchange(context.whole.told, [this](const Event& event) { withheld_.push_back(event); });
  return true;
}

void WholeJob::tell_withheld(Context& context, bool committed) {
  context.whole.told = std::move(tell_);
  for (const Event& event : std::exchange(withheld_, {})) {
    switch (event.kind) {
      case EventKind::step_failed: case EventKind::assertion_failed: case EventKind::step_paused: case EventKind::step_blocked: case EventKind::draining: break;
      default:
        if (!committed) continue;
    }
    context.tell(event);
  }
}

void WholeJob::take_back(Context& context) {
  nested_->rollback_all();
  tell_withheld(context, false);
  Outcome& outcome = context.whole.outcome;
  outcome.changed = outcome.conflicts = outcome.quarantined = outcome.left_out = 0;
}

Result<void> WholeJob::commit(Context& context) {
  fault_point("before_whole_commit");
  auto committed = nested_->commit_all();
  constexpr int attempts = 5;  // while it is still open the very same COMMIT may be sent again
  for (int again = 1; !committed && committed.error().kind == ErrorClass::transient && nested_->spans() && again < attempts; ++again) committed = nested_->commit_all();
  fault_point("after_whole_commit");
  if (committed || committed.error().kind != ErrorClass::unknown_commit) return committed;
  // The ledger knows. If it cannot be asked, the next run asks it.
  auto there = ledger::bears(*nested_, context.program.job, entry_kind, attempt_);
  if (!there)
    return Error{ErrorClass::unknown_commit, fmt::format("whether the job was committed is not known: {}", committed.error().message), there.error().message,
                 "`bfl run` finds out, and does what is not done"};
  if (*there) return {};
  return Error{ErrorClass::transient, "the connection was lost during the commit, and nothing was committed", committed.error().detail, "`bfl run` begins anew"};
}

void WholeJob::end(Context& context) {
  if (!under_way()) return;
  const Outcome& outcome = context.whole.outcome;
  if (outcome.exit_code != 0) return take_back(context);
  if (outcome.conflicts > 0) {
    const std::int64_t rows = outcome.conflicts;
    take_back(context);
    return say(context, Code::rolled_back,
               {ErrorClass::data, fmt::format("{} row{} in conflict, and the job is done whole or not at all", rows, rows == 1 ? " is" : "s are"), {},
                "see what others have done to them, then run it again; of a kept plan make a new one"},
               1);
  }
  auto committed = commit(context);
  if (committed) return tell_withheld(context, true);
  take_back(context);
  say(context, committed.error());
}

}  // namespace bfl::run
