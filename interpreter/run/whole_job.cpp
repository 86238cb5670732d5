#include "interpreter/run/whole_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/run/trace.h"

namespace bfl::run {
namespace {

constexpr const char* entry_kind = "whole";

void say(Context& context, Code code, const Error& error, int exit_code) {
  Diagnostic& diagnostic = context.whole.diagnostics.error(code, context.program.job_span, error.message, error.help);
  if (error.kind != ErrorClass::unknown_commit) diagnostic.notes.push_back(untouched);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  context.whole.outcome.exit_code = exit_code;
}

void say(Context& context, const Error& error) {
  const bool again = error.kind == ErrorClass::transient || error.kind == ErrorClass::held || error.kind == ErrorClass::unknown_commit;
  say(context, code_of(error), error, again ? 75 : error.kind == ErrorClass::data ? 1 : error.kind == ErrorClass::refused ? 4 : 5);
}

}  // namespace

WholeJob::WholeJob(const program::Program& program, const std::vector<connect::Connector*>& targets) : targets_(targets) {
  const auto found = std::find_if(program.steps.begin(), program.steps.end(), [](const program::Step& step) { return !program::only_asserts(step.kind) && step.keeper >= 0; });
  if (found == program.steps.end()) return;
  first_ = &*found;
  connect::Connector*& written = targets_[static_cast<std::size_t>(first_->keeper)];
  nested_ = std::make_unique<connect::Nested>(*written);
  written = nested_.get();
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
  open_ = context.event(EventKind::transaction_open, *first_);
  open_.step.clear();
  open_.reason = "what it does is told when it is committed";
  context.tell(open_);
  told_at_ = context.clock.seconds();
  tell_ = std::exchange(context.whole.told, [this, &context](const Event& event) { withhold(context, event); });
  return true;
}

// Whoever looks at the run from elsewhere is told where it is, and that nothing of that is there yet.
void WholeJob::withhold(Context& context, const Event& event) {
  constexpr double seconds_between = 10;
  withheld_.push_back(event);
  const bool begins = event.kind == EventKind::step_started || event.kind == EventKind::step_resumed;
  if (event.kind == EventKind::chunk_committed) open_.rows_changed += event.rows_changed;
  if (!begins && (event.kind != EventKind::chunk_committed || context.clock.seconds() - told_at_ < seconds_between)) return;
  told_at_ = context.clock.seconds();
  open_.time = event.time;
  open_.step = event.step;
  open_.chunk = event.chunk;
  tell_open();
}

void WholeJob::tell_open() {
  open_.reason = fmt::format("{} row{} changed so far, and none of it is committed", open_.rows_changed, open_.rows_changed == 1 ? "" : "s");
  tell_(open_);
}

void WholeJob::tell_end(Context& context, End end) {
  context.whole.told = std::move(tell_);
  open_.kind = end == End::committed ? EventKind::transaction_committed : EventKind::transaction_taken_back;
  open_.time = format_timestamp(context.clock.now());
  open_.step.clear();
  open_.reason.clear();
  open_.chunk = -1;
  if (end != End::unknown) context.tell(open_);
  for (const Event& event : std::exchange(withheld_, {})) {
    switch (event.kind) {
      case EventKind::step_failed: case EventKind::assertion_failed: case EventKind::step_paused: case EventKind::step_blocked: case EventKind::draining: break;
      default:
        if (end != End::committed) continue;
    }
    context.tell(event);
  }
  Outcome& outcome = context.whole.outcome;
  if (end != End::committed) outcome.changed = outcome.conflicts = outcome.quarantined = outcome.left_out = 0;
}

void WholeJob::take_back(Context& context) {
  nested_->rollback_all();
  tell_end(context, End::taken_back);
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
                 fmt::format("`{}` finds out, and does what is not done", context.options.goes_on_by)};
  if (*there) return {};
  return Error{ErrorClass::transient, "the connection was lost during the commit, and nothing was committed", committed.error().detail, fmt::format("`{}` begins anew", context.options.goes_on_by)};
}

void WholeJob::end(Context& context) {
  if (!under_way()) return;
  const Outcome& outcome = context.whole.outcome;
  if (outcome.exit_code != 0) return take_back(context);
  if (outcome.conflicts > 0) {
    const std::int64_t rows = outcome.conflicts;
    take_back(context);
    return say(context, Code::taken_back,
               {ErrorClass::data, fmt::format("{} row{} in conflict, and the job is done whole or not at all", rows, rows == 1 ? " is" : "s are"), {},
                "see what others have done to them, then run it again; of a kept plan make a new one"},
               1);
  }
  open_.time = format_timestamp(context.clock.now());
  open_.chunk = -1;
  tell_open();
  auto committed = commit(context);
  if (committed) return tell_end(context, End::committed);
  if (committed.error().kind == ErrorClass::unknown_commit) tell_end(context, End::unknown);
  else take_back(context);
  say(context, committed.error());
}

}  // namespace bfl::run
