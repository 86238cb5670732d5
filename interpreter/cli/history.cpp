// `bfl status` and `bfl log`: what the state file remembers of runs.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <set>
#include <thread>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/log_text.h"
#include "interpreter/report/words.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

constexpr std::size_t runs_shown = 20, runs_searched = 10'000;

int failed(int code, const std::string& message, const std::string& help) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), message);
  if (!help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), help);
  return code;
}

int failed(const Error& error) { return failed(error.kind == ErrorClass::refused ? exit_code::refused : exit_code::world, error.message, error.help); }

// Reading must not create the file.
Result<std::unique_ptr<store::State>> existing_state(const std::string& path) {
  if (!std::filesystem::exists(path))
    return Error{ErrorClass::fatal, fmt::format("no state file at `{}`", path), {}, "name the job (`bfl status JOB.bfl`) or its `--state`; a job that never ran has none"};
  return store::open_state(path);
}

bool names_a_run(const Arguments& arguments) { return !arguments.operands.empty() && !arguments.operands[0].ends_with(".bfl"); }

// The one run whose id begins so.
Result<store::RunRecord> find_run(store::State& state, const std::string& prefix) {
  auto runs = state.runs(runs_searched);
  if (!runs) return runs.error();
  std::vector<store::RunRecord> matches;
  for (auto& run : *runs)
    if (run.id.starts_with(prefix)) matches.push_back(run);
  if (matches.empty()) return Error{ErrorClass::fatal, fmt::format("no run begins with `{}`", prefix), {}, "`bfl status` lists the runs"};
  if (matches.size() > 1)
    return Error{ErrorClass::fatal, fmt::format("`{}` is the beginning of {} runs, expected one", prefix, matches.size()), {}, "give more of the run's id"};
  return matches[0];
}

// A run of another host cannot be asked after.
bool alive(const store::RunRecord& run) {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0 || run.host != host) return true;
  return run.pid > 0 && (kill(static_cast<pid_t>(run.pid), 0) == 0 || errno == EPERM);
}

}  // namespace

namespace {

int show_once(const Arguments& arguments, bool& running) {
  auto state = existing_state(state_path_of(arguments));
  if (!state) return failed(state.error());
  const bool json = arguments.has("json");
  if (names_a_run(arguments)) {
    auto run = find_run(**state, arguments.operands[0]);
    if (!run) return failed(exit_code::script, run.error().message, run.error().help);
    auto journal = (*state)->journal(run->id);
    if (!journal) return failed(journal.error());
    running = run->finished.empty() && alive(*run);
    report::say(stdout, "{}", json ? report::run_json(*run, *journal, alive) : report::run_text(*run, *journal, alive));
    return exit_code::done;
  }
  auto runs = (*state)->runs(runs_shown);
  if (!runs) return failed(runs.error());
  running = std::any_of(runs->begin(), runs->end(), [](const store::RunRecord& run) { return run.finished.empty() && alive(run); });
  std::set<std::string> jobs;  // whose newest run was met
  const report::StandingOf standing_of = [&](const store::RunRecord& run) -> report::Standing {
    if (!jobs.insert(run.job).second || (!run.finished.empty() && run.exit_code != exit_code::resumable)) return {};
    auto journal = (*state)->journal(run.id);
    return journal ? report::standing(run, *journal, alive) : report::Standing();
  };
  report::say(stdout, "{}", json ? report::runs_json(*runs, alive, standing_of) : report::runs_text(*runs, alive, standing_of));
  return exit_code::done;
}

}  // namespace

int show_status(const Arguments& arguments) {
  for (;;) {
    bool running = false;
    const int code = show_once(arguments, running);
    if (!arguments.has("watch") || code != exit_code::done || !running) return code;
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (is_terminal(stdout) && !arguments.has("json")) report::say(stdout, "\x1b[H\x1b[2J");
  }
}

int show_log(const Arguments& arguments) {
  auto state = existing_state(state_path_of(arguments));
  if (!state) return failed(state.error());
  std::string id;
  if (names_a_run(arguments)) {
    auto run = find_run(**state, arguments.operands[0]);
    if (!run) return failed(exit_code::script, run.error().message, run.error().help);
    id = run->id;
  }
  auto journal = (*state)->journal(id);
  if (!journal) return failed(journal.error());
  report::say(stdout, "{}", arguments.has("json") ? report::log_json(*journal) : report::log_text(*journal));
  return exit_code::done;
}

}  // namespace bfl::cli
