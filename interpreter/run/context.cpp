#include "interpreter/run/context.h"

#include <fmt/format.h>

#include <chrono>

namespace bfl::run {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
  }
  double seconds() override { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
};

int exit_code_of(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::transient: case ErrorClass::held: case ErrorClass::unknown_commit: case ErrorClass::stale_schema: return 75;
    case ErrorClass::refused: return 4;
    case ErrorClass::data: case ErrorClass::conflict: case ErrorClass::over_limit: return 1;
    default: return 5;
  }
}

constexpr double heartbeat_seconds = 10;

}  // namespace

std::unique_ptr<Clock> system_clock() { return std::make_unique<SystemClock>(); }

Code code_of(const Error& error) {
  switch (error.kind) {
    case ErrorClass::data: return error.message.starts_with("join") ? Code::join_mismatch : Code::data_error;
    case ErrorClass::held: return Code::job_held;
    case ErrorClass::refused: return error.message.starts_with("the schema changed") ? Code::schema_changed : Code::database_error;
    case ErrorClass::stale_schema: return Code::schema_changed;
    case ErrorClass::over_limit: return Code::expectation_failed;
    default: return Code::database_error;
  }
}

Event Context::event(EventKind kind, const program::Step& step) const {
  Event event;
  event.kind = kind;
  event.time = format_timestamp(clock.now());
  event.run = options.run_id;
  event.job = program.job;
  event.step = step.name;
  return event;
}

StepEnd Context::fail(const program::Step& step, Code code, const Error& error, const std::string& where) {
  const int source = step.kind == program::StepKind::update ? step.target.source : 0;
  if (targets[static_cast<std::size_t>(source)]->in_transaction()) targets[static_cast<std::size_t>(source)]->rollback();
  if (error.kind == ErrorClass::interrupted) {
    outcome.exit_code = stop.signal == 15 ? 143 : 130;
    return StepEnd::stopped;
  }
  Diagnostic& diagnostic = diagnostics.error(code, step.name_span, fmt::format("step `{}`: {}", step.name, error.message), error.help);
  if (!where.empty()) diagnostic.notes.push_back(where);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  Event failed = event(EventKind::step_failed, step);
  failed.reason = error.message;
  tell(failed);
  const bool users_own = code == Code::check_failed || code == Code::verify_failed || code == Code::expectation_failed;
  const int code_now = users_own ? 1 : code == Code::schema_changed ? 75 : exit_code_of(error.kind);
  // The gravest wins; resumable trouble is said when there is nothing worse.
  if (outcome.exit_code == 0 || outcome.exit_code == 3 || outcome.exit_code == 75) outcome.exit_code = code_now;
  return code_now == 75 ? StepEnd::stopped : StepEnd::failed;
}

std::optional<StepEnd> Context::pause(const program::Step& step, int source) {
  if (!journal_failed) return fail(step, Code::state_unusable, journal_failed.error(), "the chunks committed so far stay; the next run goes on behind them");
  if (stop.level.load() > 0) {
    Event draining = event(EventKind::draining, step);
    draining.reason = "asked to stop";
    tell(draining);
    outcome.exit_code = stop.signal == 15 ? 143 : 130;
    return StepEnd::stopped;
  }
  if (chunks_left == 0) {
    outcome.exit_code = 75;
    return StepEnd::stopped;
  }
  const double now = clock.seconds();
  if (now - heartbeat_at > heartbeat_seconds) {
    heartbeat_at = now;
    if (auto beat = writers[static_cast<std::size_t>(source)]->heartbeat(clock.now()); !beat && beat.error().kind != ErrorClass::transient)
      return fail(step, code_of(beat.error()), beat.error());
  }
  return std::nullopt;
}

std::int64_t limit_of(const program::Step& step) {
  std::int64_t limit = -1;
  for (const program::Expectation& expectation : step.expectations)
    if (expectation.bound != program::Bound::at_least && (limit < 0 || expectation.rows < limit)) limit = expectation.rows;
  return limit;
}

bool meets_expectations(Context& context, const program::Step& step, std::int64_t changed) {
  for (const program::Expectation& expectation : step.expectations) {
    const bool met = expectation.bound == program::Bound::at_most ? changed <= expectation.rows
                     : expectation.bound == program::Bound::at_least ? changed >= expectation.rows
                                                                     : changed == expectation.rows;
    if (met) continue;
    const char* bound = expectation.bound == program::Bound::at_most ? "at most" : expectation.bound == program::Bound::at_least ? "at least" : "exactly";
    context.fail(step, Code::expectation_failed,
                 {ErrorClass::data, fmt::format("{} rows changed, expected {} {}", changed, bound, expectation.rows), {},
                  "look at what the step selects with `bfl plan`; mend the step or its `expect`"},
                 "every changed row is committed and in the ledger with its image before");
    return false;
  }
  return true;
}

}  // namespace bfl::run
