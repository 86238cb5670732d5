#include "interpreter/run/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "interpreter/connect/nested.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/journal.h"

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

// cli.md: 1 a test of the user's own or a row that does not fit, 2 the script, 4 refused, 5 the world, 75 resumable.
int exit_code_of(Code code, ErrorClass kind) {
  switch (code) {
    case Code::check_failed: case Code::verify_failed: case Code::expectation_failed: case Code::children_left: case Code::stage_failed: return 1;
    case Code::not_idempotent: case Code::no_row_identity: case Code::undeclared_effect: return 2;
    case Code::step_changed: case Code::target_behind: case Code::version_too_new: case Code::plan_void: return 4;
    case Code::job_held: case Code::schema_changed: return 75;
    default: break;
  }
  switch (kind) {
    case ErrorClass::transient: case ErrorClass::held: case ErrorClass::unknown_commit: return 75;
    case ErrorClass::refused: return 4;
    case ErrorClass::data: return 1;
    default: return 5;
  }
}

// "at the row with id = 7; nothing was changed"
std::string place_of(const Error& error, const std::string& where) {
  if (error.row.empty()) return where;
  return fmt::format("at the row with {}{}{}", error.row, where.empty() ? "" : "; ", where);
}

constexpr double heartbeat_seconds = 10;  // a third of the lease
constexpr const char* nothing_of_it = "nothing of the job was changed: it is one transaction";

}  // namespace

std::string help_of(const Error& error) { return error.help.empty() && error.kind == ErrorClass::data ? help_with(error.message) : error.help; }

std::unique_ptr<Clock> system_clock() { return std::make_unique<SystemClock>(); }

Code code_of(const Error& error) {
  switch (error.kind) {
    case ErrorClass::data: return error.message.starts_with("join") ? Code::join_mismatch : Code::data_error;
    case ErrorClass::held: return Code::job_held;
    case ErrorClass::stale_schema: return Code::schema_changed;
    case ErrorClass::over_limit: return Code::expectation_failed;
    default: return Code::database_error;
  }
}

Result<std::int64_t> one_number(connect::Connector& target, const lower::Statement& statement, const eval::Context& evaluation) {
  auto prepared = target.prepare(statement, evaluation);
  if (!prepared) return prepared.error();
  std::int64_t number = 0;
  auto read = (*prepared)->query_raw({}, [&](connect::RawRow row) {
    number = row[0].integer;
    return false;
  });
  if (!read) return read.error();
  return number;
}

std::string shown(const Result<Value>& value) {
  constexpr std::size_t most = 60;
  if (!value) return "?";
  std::string text = to_literal(*value);
  if (text.size() <= most) return text;
  std::size_t end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Outcome Context::run(const Listener& listener, const std::function<void()>& work) {
  const Listener journal = journal_listener(state, diary);
  tell = [&](const Event& event) {
    journal(event);
    if (listener) listener(event);
  };
  chunks_left = options.limit_chunks;
  heartbeat_at = clock.seconds();
  Event event;
  event.kind = EventKind::run_started;
  event.time = format_timestamp(clock.now());
  event.run = options.run_id;
  event.trace = options.trace;
  event.job = program.job;
  tell(event);

  work();
  if (outcome.exit_code == 0 && (outcome.conflicts > 0 || outcome.quarantined > 0)) outcome.exit_code = 3;

  event.kind = EventKind::run_finished;
  event.time = format_timestamp(clock.now());
  event.rows_changed = outcome.changed;
  event.conflicts = outcome.conflicts;
  event.quarantined = outcome.quarantined;
  event.exit_code = outcome.exit_code;
  tell(event);
  note(state.flush());
  if (!diary_told) outcome.diary = diary;
  return outcome;
}

Event Context::event(EventKind kind, const program::Step& step) const {
  Event event;
  event.kind = kind;
  event.time = format_timestamp(clock.now());
  event.run = options.run_id;
  event.trace = options.trace;
  event.job = program.job;
  event.step = step.name;
  return event;
}

void Context::note(const Result<void>& written) {
  if (!written && diary) diary = written;
}

StepEnd Context::interrupted(const program::Step& step) {
  Event draining = event(EventKind::draining, step);
  draining.reason = stop.level.load() > 1 ? "asked to stop at once" : "asked to stop";
  tell(draining);
  outcome.exit_code = stop.signal == SIGTERM ? 143 : 130;
  return StepEnd::stopped;
}

StepEnd Context::fail(const program::Step& step, const Error& error, const std::string& where) {
  return fail(step, code_of(error), error, where);
}

StepEnd Context::fail(const program::Step& step, Code code, const Error& given, const std::string& where) {
  const Error error = discreet(program, step, given);
  const bool whole = step.keeper >= 0 && connect::in_one_transaction(target(step.keeper));
  if (step.keeper >= 0 && target(step.keeper).in_transaction()) target(step.keeper).rollback();
  if (error.kind == ErrorClass::interrupted) return interrupted(step);
  if (code == Code::database_error && error.kind == ErrorClass::transient) return paused(step, code, error, where);
  Diagnostic& diagnostic = diagnostics.error(code, step.name_span, fmt::format("step `{}`: {}", step.name, error.message), help_of(error));
  const std::string place = place_of(error, whole ? nothing_of_it : where);
  if (!place.empty()) diagnostic.notes.push_back(place);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  Event failed = event(EventKind::step_failed, step);
  failed.reason = error.message;
  tell(failed);
  const int exit_code = exit_code_of(code, error.kind);
  // The first thing that is wrong for good decides; what can be resumed is said when there is nothing worse.
  if (outcome.exit_code == 0 || outcome.exit_code == 75) outcome.exit_code = exit_code;
  return exit_code == 75 ? StepEnd::stopped : StepEnd::failed;
}

StepEnd Context::paused(const program::Step& step, Code code, const Error& given, const std::string& where) {
  const Error error = discreet(program, step, given);
  Diagnostic& diagnostic = diagnostics.error(code, step.name_span, fmt::format("step `{}` is paused: {}", step.name, error.message), error.help);
  const bool whole = step.keeper >= 0 && connect::in_one_transaction(target(step.keeper));
  if (whole || !where.empty()) diagnostic.notes.push_back(whole ? nothing_of_it : where);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  Event told = event(EventKind::step_paused, step);
  told.reason = error.message;
  tell(told);
  if (outcome.exit_code == 0) outcome.exit_code = 75;
  return StepEnd::stopped;
}

std::optional<StepEnd> Context::pause(const program::Step& step, int source, std::unique_lock<std::mutex>* lock) {
  if (!diary) {
    diary_told = true;
    return fail(step, Code::state_unusable, diary.error(), "what was committed stays, with its images; the next run goes on behind it");
  }
  if (stop.level.load() > 0) return interrupted(step);
  // Its locks are held until it is over: whoever says to wait is heard before it begins.
  if (source >= 0 && connect::in_one_transaction(target(source))) return std::nullopt;
  if (chunks_left == 0) {
    outcome.exit_code = 75;
    return StepEnd::stopped;
  }
  if (auto kept = keep_lease(source); !kept) return fail(step, kept.error());
  return obey(step, source, lock);
}

bool Context::wait(double seconds, int source) {
  constexpr double slice = 0.02;
  for (double left = seconds; left > 0; left -= slice) {
    if (stop.level.load() > 0) return false;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, slice)));
    if (source >= 0 && !keep_lease(source)) break;  // whoever goes on meets the same error
  }
  return stop.level.load() == 0;
}

Result<void> Context::keep_lease(int source) {
  const double now = clock.seconds();
  if (now - heartbeat_at <= heartbeat_seconds) return {};
  heartbeat_at = now;
  if (source < 0) return {};
  auto beat = writer(source).heartbeat();
  // A lock that cannot be had now will be had the next time: the lease has two more beats.
  return beat || beat.error().kind == ErrorClass::transient ? Result<void>{} : beat;
}

}  // namespace bfl::run
