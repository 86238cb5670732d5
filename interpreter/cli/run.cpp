// `bfl run`: the short way for a finished job, else the whole way from text to changed rows.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <random>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "interpreter/base/digest.h"
#include "interpreter/base/fault_points.h"
#include "interpreter/cli/approvals.h"
#include "interpreter/cli/atomic.h"
#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/environments.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/memo.h"
#include "interpreter/cli/outward.h"
#include "interpreter/cli/plans.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/signals.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/cli/typed.h"
#include "interpreter/report/progress.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/rollback.h"
#include "interpreter/run/trace.h"

namespace bfl::cli {
namespace {

// What to type to go on. Values of sources may hold secrets.
std::string typed_again(const Arguments& arguments, const run::Outcome& outcome) {
  if (outcome.next_plan) return fmt::format("bfl plan {} -o FILE, and run that plan", as_typed(arguments.operands[0]));
  const bool planned = arguments.command == "run" && arguments.has("plan");
  std::string text = fmt::format("bfl {} {}", arguments.command == "quarantine" ? "run" : arguments.command, planned ? "--plan " + as_typed(arguments.value("plan")) : as_typed(job_of(arguments)));
  for (const std::string& pair : arguments.all("set")) text += " --set " + as_typed(pair);
  for (const std::string& pair : arguments.all("source")) text += fmt::format(" --source {}…", pair.substr(0, pair.find('=') + 1));
  if (arguments.has("state")) text += " --state " + as_typed(arguments.value("state"));
  if (arguments.has("atomic")) text += " --atomic";
  if (arguments.command != "undo") return text;
  for (const char* flag : {"step", "keys", "run"})
    if (arguments.has(flag)) text += fmt::format(" --{} {}", flag, arguments.value(flag));
  return text + (arguments.has("finish") ? " --finish" : "");
}

// A flag that says what to do with certain steps makes the question a new one.
bool asks_for_more(const Arguments& arguments) {
  for (const char* flag : {"only", "again", "accept", "limit-chunks", "plan", "atomic"})
    if (arguments.has(flag)) return true;
  return false;
}

bool known_steps(const Arguments& arguments, Session& session) {
  std::vector<std::string> names;
  for (const program::Step& step : session.program.steps) names.push_back(step.name);
  for (const char* flag : {"only", "again", "accept"}) {
    for (const std::string& step : arguments.all(flag)) {
      if (std::find(names.begin(), names.end(), step) != names.end()) continue;
      const std::string meant = nearest(step, names);
      session.diagnostics.error(Code::unknown_step, session.program.job_span, fmt::format("`--{}` names `{}`, which is no step of the job", flag, step),
                                meant.empty() ? "`bfl graph` lists the steps" : fmt::format("did you mean `{}`?", meant));
    }
  }
  return !session.diagnostics.has_errors();
}

// Each chunk takes some megabytes and gives them back: handed to the system and asked for again every time, they would be
// zeroed page by page, which is a tenth of the time of a chunk that changes little.
void keep_memory() {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
}

// What `rollback when` of the job names, where it is so; empty: nothing. A run that can go on is not at its end.
std::string reason_to_undo(const program::Program& program, const run::Outcome& outcome, const Diagnostics& found) {
  if (!program.rollback) return {};
  const std::string too_many = run::rows_to_roll_back(program, outcome.of_all_runs());
  if (outcome.stage_failed && (program.rollback->verify_failed || !too_many.empty())) return fmt::format("a stage of `{}` does not hold", outcome.stage_failed->step);
  if (outcome.exit_code != 0 && outcome.exit_code != exit_code::failed && outcome.exit_code != exit_code::conflicts) return {};
  const bool failed = std::any_of(found.all().begin(), found.all().end(), [](const Diagnostic& one) { return one.code == Code::verify_failed; });
  if (program.rollback->verify_failed && failed) return "a verification does not hold";
  return too_many;
}

// Exits as a run that failed, whatever could not be put back: the undo says that.
int undo_itself(Session& session, const Arguments& arguments, store::State& state, run::Clock& clock, Result<std::vector<run::UndoTask>>& tasks, const std::string& why) {
  (void)failed(Code::rolled_back, {ErrorClass::data, why, {}, "see what was not as the job expects; what was put back is done again by the next run"});
  if (!tasks) return failed(tasks.error());
  const int undone = put_back(session, arguments, state, clock, *tasks);
  return undone == exit_code::done || undone == exit_code::conflicts ? exit_code::failed : undone;
}

// A run that was killed while it undid itself is undone to its end, and nothing else is done; nothing: there is none.
std::optional<int> finish_rollback(Session& session, const Arguments& arguments, store::State& state, run::Clock& clock) {
  if (!session.program.rollback) return std::nullopt;
  auto begun = run::undo_cut_short(session.program, session.targets());
  if (!begun) return failed(begun.error());
  if (!*begun || (*begun)->empty()) return std::nullopt;
  if (const auto stopped = refuse_older(session, state)) return *stopped;
  run::UndoRequest request{.finish = true, .because = **begun};
  if (**begun == run::of_the_run)
    if (auto all = whole_rollback(session, request); !all) return failed(all.error());
  auto tasks = run::undo_tasks(session.program, session.targets(), request);
  return undo_itself(session, arguments, state, clock, tasks, "a run that undid itself, as `rollback when` says, was cut short: that is finished");
}

// A plan is one of the whole job: what would make another run of it cannot be shown.
int dry_run(const Arguments& arguments) {
  for (const char* flag : {"plan", "only", "again", "accept"})
    if (arguments.has(flag))
      return failed({ErrorClass::data, fmt::format("`--dry-run` does not go with `--{}`", flag), {}, "it shows what the whole job would do, as `bfl plan` does"});
  if (arguments.operands.empty()) return failed({ErrorClass::data, "`bfl run` needs JOB.bfl", {}, "usage: bfl run JOB.bfl --dry-run"});
  return plan_job(arguments);
}

}  // namespace

std::string script_digest(const Session& session) {
  if (session.modules.empty()) return hex(sha256(session.text));
  Hasher hasher;
  hasher.field(session.text);
  for (const std::string& module : session.modules) hasher.field(module);
  return hex(hasher.finish());
}

int run_job(const Arguments& arguments) { return run_again(arguments, {}); }

int run_again(const Arguments& given, const std::vector<std::string>& retried) {
  Arguments arguments = given;
  if (arguments.has("dry-run")) return dry_run(arguments);
  Session session;
  std::unique_ptr<run::KeptPlan> kept;
  if (arguments.has("plan") && !take_plan(session, arguments, kept)) return refused(session);
  if (arguments.operands.empty()) return failed({ErrorClass::data, "`bfl run` needs JOB.bfl, or --plan FILE", {}, "usage: bfl run JOB.bfl, or bfl run --plan FILE"});
  if (!load(session, arguments)) return refused(session);
  const bool json = arguments.has("json");
  const std::string state_path = state_path_of(arguments);
  const std::string inputs = digest_of_inputs(session.text, session.settings);
  auto clock = run::system_clock();

  // The short way. Without a state file there is nothing to remember from, and a wrong script should leave none behind.
  std::unique_ptr<store::State> state;
  if (std::filesystem::exists(state_path)) {
    auto opened = store::open_state(state_path);
    if (opened) state = std::move(*opened);
    if (state && retried.empty() && !asks_for_more(arguments) && !tells_outside(session.project, arguments)) {
      if (auto job = finished_before(*state, inputs)) {
        report::print_nothing_to_do(stdout, *job, json, format_timestamp(clock->now()));
        return exit_code::done;
      }
    }
  }

  if (kept) session.connected = [&] { return tables_fit(session, *kept); };
  const auto sound = [&] { return (!kept || plan_fits(session, *kept)) && may_run(session, kept.get()) && is_promoted(session) && may_be_atomic(session, arguments, kept.get()); };
  if (!make_plan(session, Access::write, sound) || !known_steps(arguments, session) || !reads_what_it_writes(session)) return refused(session);
  if (!have_state(session, arguments, state)) return refused(session);
  if (const auto finished = finish_rollback(session, arguments, *state, *clock)) return *finished;
  std::string undo_because;
  run::UndoRequest to_undo;
  const bool counts = completion_counts(session);  // before anything runs beside: it asks libpq, and that the environment
  const Doing execute = [&](run::StopSignal& stop, const run::Listener& tell, run::Options& options, Diagnostics& found) {
    options.only = arguments.value("only");
    options.again = arguments.all("again");
    options.accept = arguments.all("accept");
    options.kept = kept.get();
    if (kept) options.attested = attested(*kept, session.project);
    options.retry = retried;
    options.evict = arguments.has("evict");
    options.record_completion = counts;
    const run::Outcome outcome = run::execute(session.program, session.plan, session.targets(), *state, *clock, stop, tell, options, found);
    undo_because = reason_to_undo(session.program, outcome, found);
    // Of a stage that failed all is undone, whatever runs have changed of it.
    if (outcome.stage_failed) to_undo = {.step = outcome.stage_failed->step, .generation = outcome.stage_failed->generation, .because = std::string(run::of_a_stage)};
    if (outcome.exit_code == exit_code::done && outcome.conflicts_left == 0 && undo_because.empty() && !asks_for_more(arguments)) remember_finished(*state, inputs, session, format_timestamp(clock->now()));
    return outcome;
  };
  const int code = carry_out(session, arguments, state.get(), clock.get(), execute);
  if (undo_because.empty()) return code;
  if (to_undo.because.empty())
    if (auto all = whole_rollback(session, to_undo); !all) return failed(all.error());
  auto tasks = run::undo_tasks(session.program, session.targets(), to_undo);
  if (tasks && tasks->empty()) return code;
  return undo_itself(session, arguments, *state, *clock, tasks, "the run undoes itself, as `rollback when` says: " + undo_because);
}

std::string new_run_id(Timestamp now) {
  std::string id = format_timestamp({now.micros - now.micros % 1'000'000}, 'T', "");
  std::erase_if(id, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}{:03}-{:04x}", id, now.micros % 1'000'000 / 1000, std::random_device{}() & 0xffff);
}

bool have_state(Session& session, const Arguments& arguments, std::unique_ptr<store::State>& state) {
  if (state) return true;
  auto opened = store::open_state(state_path_of(arguments));
  if (opened) return state = std::move(*opened), true;
  const bool newer = opened.error().kind == ErrorClass::refused;
  add(session.diagnostics, newer ? Code::version_too_new : Code::state_unusable, session.program.job_span, opened.error());
  return false;
}

int carry_out(Session& session, const Arguments& arguments, store::State* state, run::Clock* clock, const Doing& doing) {
  const bool json = arguments.has("json");
  keep_memory();
  show(session.diagnostics, session.texts);  // warnings
  const std::size_t warnings = session.diagnostics.all().size();

  run::Options options;
  options.run_id = new_run_id(clock->now());
  options.trace = run::trace_of(options.run_id, std::getenv("TRACEPARENT"));
  options.who = user_name();
  options.host = host_name();
  options.version = BFL_VERSION;
  options.job_file = as_typed(session.path);
  options.goes_on_by = typed_again(arguments, {});
  options.halt_file = (std::filesystem::path(state_path_of(arguments)).parent_path() / "halt").string();
  options.script_digest = script_digest(session);
  options.limit_chunks = arguments.has("limit-chunks") ? std::atoll(arguments.value("limit-chunks").c_str()) : -1;

  if (arguments.has("workers")) options.workers = static_cast<int>(std::min(std::atoll(arguments.value("workers").c_str()), 64LL));

  if (arguments.has("steps")) options.steps = static_cast<int>(std::min(std::atoll(arguments.value("steps").c_str()), 64LL));

  auto outward = Outward::open(session, arguments, options);
  if (!outward) return failed(outward.error());

  store::RunRecord record;
  record.id = options.run_id;
  record.job = session.program.job;
  record.path = std::filesystem::absolute(session.path).lexically_normal().string();
  record.script_digest = options.script_digest;
  record.version = options.version;
  record.who = options.who;
  record.host = options.host;
  record.started = format_timestamp(clock->now());
  record.pid = getpid();
  fault_point("before_begin_run");
  if (auto begun = state->begin_run(record); !begun) {
    add(session.diagnostics, Code::state_unusable, session.program.job_span, begun.error());
    return refused(session);
  }
  fault_point("after_begin_run");

  report::Screen screen;
  screen.json = json;
  screen.live = !json && is_terminal(stderr);
  screen.color = has_color(stdout);
  screen.width = width_of(stderr);
  report::Progress progress(session.program, options.run_id, screen);

  run::StopSignal stop;
  Diagnostics found;
  run::Outcome outcome;
  {
    SignalWatch watch(stop, [&session] {
      for (const auto& connector : session.connectors) connector->interrupt();
    });
    outcome = doing(stop, [&](const run::Event& event) {
      progress.on(event);
      (*outward)->on(event);
    }, options, found);
  }
  const std::string ended = format_timestamp(clock->now());
  fault_point("before_end_run");
  auto diary = state->end_run(options.run_id, ended, outcome.exit_code);
  if (!outcome.diary) diary = outcome.diary;
  if (!diary) {  // at the very end: no chunk was left that could have stopped for it
    Diagnostic& diagnostic = found.error(Code::state_unusable, session.program.job_span, diary.error().message, diary.error().help);
    diagnostic.notes.push_back("what was committed stays, with its images; only the diary of this machine lacks the end of the run");
    if (outcome.exit_code == exit_code::done) outcome.exit_code = exit_code::world;
  }
  fault_point("after_end_run");

  progress.finish();
  if (!found.all().empty()) {
    show(found, session.texts);
    if (json) progress.diagnostics(found, session.texts, ended);
  }
  progress.summary(outcome, typed_again(arguments, outcome), warnings);
  (*outward)->finish();
  return outcome.exit_code;
}

}  // namespace bfl::cli
