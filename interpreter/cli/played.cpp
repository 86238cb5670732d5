#include "interpreter/cli/played.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/run/undo.h"

namespace bfl::cli {
namespace {

class StandingClock final : public run::Clock {
 public:
  explicit StandingClock(std::optional<Timestamp> now) : now_(now), system_(run::system_clock()) {}
  Timestamp now() override { return now_ ? *now_ : system_->now(); }
  double seconds() override { return system_->seconds(); }

 private:
  std::optional<Timestamp> now_;
  std::unique_ptr<run::Clock> system_;
};

// The job on the scratch databases.
void begin(const Stage& stage, Session& session) {
  session.path = stage.job.path;
  session.text = stage.job.text;
  session.settings = stage.job.settings;
  for (std::size_t i = 0; i < stage.urls.size(); ++i) session.settings.sources[stage.job.program.sources[i].name] = stage.urls[i];
}

run::Options options_of(const Stage& stage) {
  run::Options options;
  options.run_id = stage.run_id;
  options.who = options.host = "test";
  options.version = BFL_VERSION;
  options.played = true;
  return options;
}

}  // namespace

Played play(const Stage& stage, const Manner& manner) {
  Played played;
  Session session;
  begin(stage, session);
  auto state = store::open_state(stage.folder + "/state.db");
  if (!state) return {.exit_code = exit_code::world, .said = state.error().message + "\n"};
  if (!make_plan(session, Access::write)) return {.exit_code = exit_code_of(session.diagnostics), .said = render(session.diagnostics, session.texts)};
  // Nobody is there to look at a stage, nobody else is at work, and time is not played.
  session.program.pace.reset();
  for (program::Step& step : session.program.steps) {
    step.rollout.reset();
    step.pace.reset();
  }
  for (program::Step& step : session.program.steps)
    if (const auto rows = manner.chunk_rows ? manner.chunk_rows(step) : std::nullopt) step.chunk_rows = *rows;
  StandingClock clock(stage.clock);
  Diagnostics found;
  const run::Listener listener = [&](const run::Event& event) {
    if (event.kind == run::EventKind::step_finished) played.changed[event.step] += event.rows_changed;
    // Of one transaction chunks are told when it is over: it is cut short while it is open, with some rows changed.
    if (event.kind == run::EventKind::transaction_open && event.rows_changed > 0 && manner.dies_after > 0) (void)kill(getpid(), SIGKILL);
    if (event.kind != run::EventKind::chunk_committed) return;
    ++played.chunks[event.step];
    played.walked[event.step] += event.rows_read;
    if (++played.all_chunks == manner.dies_after) (void)kill(getpid(), SIGKILL);
  };
  const double begun = clock.seconds();
  const run::Outcome outcome = run::execute(session.program, session.plan, session.targets(), **state, clock, stage.stop, listener, options_of(stage), found);
  played.seconds = clock.seconds() - begun;
  played.exit_code = outcome.exit_code;
  played.conflicts = outcome.conflicts;
  played.quarantined = outcome.quarantined;
  played.said = render(found, session.texts);
  return played;
}

std::optional<bool> play_and_die(const Stage& stage, const Manner& manner) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);  // nobody takes signals here: they end it
    (void)play(stage, manner);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return std::nullopt;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

PutBack put_back(const Stage& stage) {
  PutBack done;
  Session session;
  begin(stage, session);
  auto state = store::open_state(stage.folder + "/state.db");
  if (!state || !check(session, Access::write)) return {.exit_code = exit_code::world, .said = "the undo cannot begin\n" + render(session.diagnostics, session.texts)};
  auto tasks = run::undo_tasks(session.program, session.targets(), {.run = stage.run_id, .step = {}});
  if (!tasks) return {.possible = false};
  if (tasks->empty()) return done;
  take_steps(session, *tasks);
  StandingClock clock(stage.clock);
  Diagnostics found;
  const run::Outcome outcome = run::undo(session.program, session.plan, *tasks, session.targets(), **state, clock, stage.stop, [](const run::Event&) {}, options_of(stage), found);
  done.exit_code = outcome.exit_code;
  if (outcome.exit_code != exit_code::done) done.said = render(found, session.texts);
  for (const run::UndoTask& task : *tasks)
    for (const std::string& conflict : task.listed) done.conflicts.push_back(fmt::format("the undo of `{}`: {}", task.undone.step, conflict));
  return done;
}

}  // namespace bfl::cli
