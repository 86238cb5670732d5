// `bfl status` and `bfl log`: what the state file remembers of runs.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

constexpr std::size_t runs_shown = 20, runs_searched = 10'000;

int failed(int code, const std::string& message, const std::string& help) {
  fmt::print(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), message);
  if (!help.empty()) fmt::print(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), help);
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

std::string this_host() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string state_of(const store::RunRecord& run) {
  if (run.finished.empty()) {
    const bool alive = run.host != this_host() || (run.pid > 0 && (kill(static_cast<pid_t>(run.pid), 0) == 0 || errno == EPERM));
    return alive ? "running" : "cut short";
  }
  switch (run.exit_code) {
    case 0: return "done";
    case 1: return "failed";
    case 3: return "conflicts";
    case 75: case 130: case 143: return "stopped";
    default: return "refused";
  }
}

struct StepSummary {
  std::string name, state;
  std::int64_t chunks = 0, changed = 0, conflicts = 0;
};

std::vector<StepSummary> steps_of(const std::vector<store::JournalEntry>& journal) {
  std::vector<StepSummary> steps;
  std::map<std::string, std::size_t> index;
  for (const auto& entry : journal) {
    if (entry.step.empty()) continue;
    auto [found, fresh] = index.try_emplace(entry.step, steps.size());
    if (fresh) steps.push_back({entry.step, {}});
    StepSummary& step = steps[found->second];
    if (entry.kind == "chunk_committed") {
      ++step.chunks;
      step.changed += entry.rows_changed;
      step.conflicts += entry.conflicts;
      step.state = "under way";
    } else if (entry.kind == "step_started" || entry.kind == "step_resumed") {
      step.state = "under way";
    } else if (entry.kind == "step_finished") {
      step.state = "done";
    } else if (entry.kind == "step_reused") {
      step.state = "finished before";
    } else if (entry.kind == "step_failed" || entry.kind == "assertion_failed") {
      step.state = "failed";
    } else if (entry.kind == "step_blocked") {
      step.state = "waits";
    }
  }
  return steps;
}

nlohmann::ordered_json to_json(const store::RunRecord& run) {
  nlohmann::ordered_json object{{"run", run.id}, {"job", run.job}, {"step", ""}, {"kind", "run"}, {"time", run.started}, {"state", state_of(run)},
                                {"path", run.path}, {"who", run.who}, {"host", run.host}, {"pid", run.pid}, {"version", run.version},
                                {"script_digest", run.script_digest}};
  if (!run.finished.empty()) object["finished"] = run.finished, object["exit_code"] = run.exit_code;
  return object;
}

nlohmann::ordered_json to_json(const store::JournalEntry& entry) {
  nlohmann::ordered_json object{{"run", entry.run}, {"job", entry.job}, {"step", entry.step}, {"kind", entry.kind}, {"time", entry.time}, {"seq", entry.seq}};
  if (!entry.reason.empty()) object["reason"] = entry.reason;
  if (!entry.query.empty()) object["query"] = entry.query;
  if (entry.chunk >= 0) object["chunk"] = entry.chunk;
  if (!entry.from_key.empty()) object["from_key"] = entry.from_key;
  if (!entry.to_key.empty()) object["to_key"] = entry.to_key;
  if (entry.rows_read) object["rows_read"] = entry.rows_read;
  object["rows_changed"] = entry.rows_changed;
  if (entry.conflicts) object["conflicts"] = entry.conflicts;
  if (entry.seconds > 0) object["seconds"] = entry.seconds;
  return object;
}

std::string dumped(const nlohmann::ordered_json& object, int indent = -1) {
  return object.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

int show_one(store::State& state, const store::RunRecord& run, bool json) {
  auto journal = state.journal(run.id);
  if (!journal) return failed(journal.error());
  const auto steps = steps_of(*journal);
  if (json) {
    auto object = to_json(run);
    object["steps"] = nlohmann::ordered_json::array();
    for (const StepSummary& step : steps)
      object["steps"].push_back({{"step", step.name}, {"state", step.state}, {"chunks", step.chunks}, {"rows_changed", step.changed}, {"conflicts", step.conflicts}});
    fmt::print("{}\n", dumped(object, 2));
    return exit_code::done;
  }
  fmt::print("run {} of {}: {}\n", run.id, run.job, state_of(run));
  fmt::print("  script    {}\n  by        {}@{}, pid {}, bfl {}\n  started   {}\n", run.path, run.who, run.host, run.pid, run.version, run.started);
  if (!run.finished.empty()) fmt::print("  finished  {}, exit code {}\n", run.finished, run.exit_code);
  for (const StepSummary& step : steps) {
    fmt::print("  {:<24} {:<16}", step.name, step.state);
    if (step.chunks) fmt::print(" {} changed in {}", report::counted(step.changed, "row"), report::counted(step.chunks, "chunk"));
    if (step.conflicts) fmt::print(", {} in conflict", report::grouped(step.conflicts));
    fmt::print("\n");
  }
  return exit_code::done;
}

}  // namespace

int show_status(const Arguments& arguments) {
  auto state = existing_state(state_path_of(arguments));
  if (!state) return failed(state.error());
  const bool json = arguments.has("json");
  if (names_a_run(arguments)) {
    auto run = find_run(**state, arguments.operands[0]);
    return run ? show_one(**state, *run, json) : failed(exit_code::script, run.error().message, run.error().help);
  }
  auto runs = (*state)->runs(runs_shown);
  if (!runs) return failed(runs.error());
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& run : *runs) list.push_back(to_json(run));
    fmt::print("{}\n", dumped(list, 2));
    return exit_code::done;
  }
  if (runs->empty()) fmt::print("no runs yet\n");
  else fmt::print("{:<24}  {:<28}  {:<20}  {}\n", "RUN", "JOB", "STARTED", "STATE");
  for (const auto& run : *runs) fmt::print("{:<24}  {:<28}  {:<20}  {}\n", run.id, run.job, run.started.substr(0, 19), state_of(run));
  return exit_code::done;
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
  std::string run;
  for (const auto& entry : *journal) {
    if (arguments.has("json")) {
      fmt::print("{}\n", dumped(to_json(entry)));
      continue;
    }
    if (entry.run != run) fmt::print("run {} of {}\n", run = entry.run, entry.job);
    fmt::print("  {:<27}  {:<17} {}", entry.time, entry.kind, entry.step);
    if (entry.chunk >= 0) fmt::print(" chunk {}", entry.chunk);
    if (!entry.to_key.empty()) fmt::print(" ({}, {}]", entry.from_key.empty() ? "start" : entry.from_key, entry.to_key);
    if (entry.kind == "chunk_committed" || entry.kind == "step_finished") fmt::print(" {} changed", report::counted(entry.rows_changed, "row"));
    if (entry.conflicts) fmt::print(", {} in conflict", report::grouped(entry.conflicts));
    if (!entry.reason.empty()) fmt::print(": {}", entry.reason);
    fmt::print("\n");
  }
  return exit_code::done;
}

}  // namespace bfl::cli
