#include "interpreter/run/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "interpreter/connect/nested.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/journal.h"
#include "interpreter/run/pace.h"

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

Context::Context(const Context& of, std::vector<connect::Connector*> targets_)
    : Context(of.whole, of.program, of.plan, std::move(targets_), of.clock, of.stop, of.options) {
  keeps = of.keeps;
  identities = of.identities;
  clocks = of.clocks;
  schema_versions = of.schema_versions;
  writers.resize(of.writers.size());
  for (std::size_t i = 0; i < writers.size(); ++i)
    if (of.writers[i]) writers[i] = of.writers[i]->beside(*targets[i]);
}

void Context::begin_step(const program::Step& step) {
  pacer = program::changes_rows(step.kind) ? std::make_shared<Pacer>(*this, step) : nullptr;
  ended.reset();
  held = leaving = false;
}

Outcome Context::run(const Listener& listener, const std::function<void()>& work) {
  const Listener journal = journal_listener(whole.state, whole.diary);
  whole.told = [&](const Event& event) {
    journal(event);
    if (listener) listener(event);
  };
  whole.chunks_left = options.limit_chunks;
  whole.rate = program.pace ? program.pace->rows_a_second.value_or(0) : 0;
  whole.heartbeat_at.assign(targets.size(), clock.seconds());
  Outcome& outcome = whole.outcome;
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
  note(whole.state.flush());
  if (!whole.diary_told) outcome.diary = whole.diary;
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

void Context::note(const Result<void>& written) const {
  std::lock_guard lock(whole.mutex);
  if (!written && whole.diary) whole.diary = written;
}

void Context::note_chunks(int source, std::int64_t step, std::int64_t chunks) const {
  if (connect::in_one_transaction(target(source))) return;  // none of them is, yet
  std::lock_guard lock(whole.mutex);
  auto noted = whole.state.note_seq(identities[static_cast<std::size_t>(source)], step, chunks);
  if (!noted && whole.diary) whole.diary = noted;
}

StepEnd Context::interrupted(const program::Step& step) {
  if (ended) return *ended;
  if (stop.level.load() == 0 && whole.ending.load()) {
    Event draining = event(EventKind::draining, step);
    draining.reason = "another step has stopped the run";
    tell(draining);
    return StepEnd::stopped;
  }
  bool first = false;
  count([&](Outcome& outcome) {
    first = !std::exchange(whole.interruption_told, true);
    outcome.exit_code = stop.signal == SIGTERM ? 143 : 130;
    whole.decided_by.reset();
  });
  if (!first) return StepEnd::stopped;
  Event draining = event(EventKind::draining, step);
  draining.reason = stop.level.load() > 1 ? "asked to stop at once" : "asked to stop";
  tell(draining);
  return StepEnd::stopped;
}

void Context::decide_exit(const program::Step& step, int exit_code) const {
  const auto known = std::find_if(plan.order.begin(), plan.order.end(), [&](std::size_t index) { return &program.steps[index] == &step; });
  const auto place = static_cast<std::size_t>(known - plan.order.begin());
  int& decided = whole.outcome.exit_code;
  const bool before = whole.decided_by && place < *whole.decided_by && exit_code != 75;
  if (decided != 0 && decided != 75 && !before) return;
  if (decided == 75 && exit_code == 75) return;
  decided = exit_code;
  whole.decided_by = exit_code == 75 ? std::nullopt : std::optional(place);
}

StepEnd Context::fail(const program::Step& step, const Error& error, const std::string& where) {
  return fail(step, code_of(error), error, where);
}

StepEnd Context::fail(const program::Step& step, Code code, const Error& given, const std::string& where) {
  const Error error = discreet(program, step, given);
  const bool one_transaction = step.keeper >= 0 && connect::in_one_transaction(target(step.keeper));
  if (step.keeper >= 0 && target(step.keeper).in_transaction()) target(step.keeper).rollback();
  if (error.kind == ErrorClass::interrupted) return interrupted(step);
  if (code == Code::database_error && error.kind == ErrorClass::transient) return paused(step, code, error, where);
  const int exit_code = exit_code_of(code, error.kind);
  count([&](const Outcome&) {
    Diagnostic& diagnostic = whole.diagnostics.error(code, step.name_span, fmt::format("step `{}`: {}", step.name, error.message), help_of(error));
    const std::string place = place_of(error, one_transaction ? untouched : where);
    if (!place.empty()) diagnostic.notes.push_back(place);
    if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
    decide_exit(step, exit_code);
  });
  Event failed = event(EventKind::step_failed, step);
  failed.reason = error.message;
  tell(failed);
  return exit_code == 75 ? StepEnd::stopped : StepEnd::failed;
}

StepEnd Context::paused(const program::Step& step, Code code, const Error& given, const std::string& where) {
  // All that are under way hear the same order: who hears it first says it.
  if (code == Code::told_to_stop && whole.ending.exchange(true)) return interrupted(step);
  const Error error = discreet(program, step, given);
  const bool one_transaction = step.keeper >= 0 && connect::in_one_transaction(target(step.keeper));
  count([&](Outcome& outcome) {
    Diagnostic& diagnostic = whole.diagnostics.error(code, step.name_span, fmt::format("step `{}` is paused: {}", step.name, error.message), error.help);
    if (one_transaction || !where.empty()) diagnostic.notes.push_back(one_transaction ? untouched : where);
    if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
    if (outcome.exit_code == 0) outcome.exit_code = 75;
  });
  Event told = event(EventKind::step_paused, step);
  told.reason = error.message;
  tell(told);
  return StepEnd::stopped;
}

std::optional<StepEnd> Context::pause(const program::Step& step, int source, bool crew) {
  if (ended) return ended;
  auto end = reason_to_end(step, source, crew);
  if (!end) return std::nullopt;
  ended = end;
  leaving = true;
  return end;
}

std::optional<StepEnd> Context::reason_to_end(const program::Step& step, int source, bool crew) {
  const bool one_transaction = source >= 0 && connect::in_one_transaction(target(source));
  Result<void> diary;
  std::int64_t left = -1;
  bool told = false;
  {
    std::lock_guard lock(whole.mutex);
    diary = whole.diary;
    left = one_transaction ? -1 : whole.chunks_left;
    if (!diary) told = std::exchange(whole.diary_told, true);
    else if (left == 0) whole.outcome.exit_code = 75;
  }
  if (!diary && told) return StepEnd::stopped;  // by a step beside this one
  if (!diary) return fail(step, Code::state_unusable, diary.error(), "what was committed stays, with its images; the next run goes on behind it");
  if (run_ends()) return interrupted(step);
  // Its locks are held until it is over: whoever says to wait is heard before it begins.
  if (one_transaction) return std::nullopt;
  if (left == 0) return StepEnd::stopped;
  if (auto kept = keep_lease(source); !kept) return fail(step, kept.error());
  return obey(step, source, crew);
}

bool Context::wait(double seconds, int source) {
  constexpr double slice = 0.02;
  const auto over = [&] { return source < 0 ? stopping() : run_ends(); };
  for (double left = seconds; left > 0; left -= slice) {
    if (over()) return false;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, slice)));
    if (source >= 0 && !keep_lease(source)) break;  // whoever goes on meets the same error
  }
  return !over();
}

Result<void> Context::keep_lease(int source) {
  if (source < 0 || !writers[static_cast<std::size_t>(source)]) return {};
  const double now = clock.seconds();
  double& beaten = whole.heartbeat_at[static_cast<std::size_t>(source)];
  double before = now;
  {
    std::lock_guard lock(whole.mutex);
    if (now - beaten <= heartbeat_seconds) return {};
    before = std::exchange(beaten, now);
  }
  auto beat = writer(source).heartbeat();
  if (beat && !*beat) {
    std::lock_guard lock(whole.mutex);
    beaten = before;
  }
  // A lock that cannot be had now will be had the next time: the lease has two more beats.
  return beat || beat.error().kind == ErrorClass::transient ? Result<void>{} : Result<void>{beat.error()};
}

}  // namespace bfl::run
