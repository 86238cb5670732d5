// `bfl pause`, `resume`, `cancel`, `halt`, `set`: orders to whoever runs a job, put into its databases.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/control.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/pace.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

constexpr std::size_t runs_searched = 10'000;

int failed(int code, const std::string& message, const std::string& help = {}) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), message);
  if (!help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), help);
  return code;
}

int failed(const Error& error) { return failed(error.kind == ErrorClass::transient ? exit_code::resumable : error.kind == ErrorClass::refused ? exit_code::refused : exit_code::world, error.message, error.help); }

struct Target {
  std::unique_ptr<connect::Connector> connector;
  std::string name;
};
struct Meant {
  std::string job;                 // empty: every job
  std::vector<Target> targets;     // those with bfl's tables
  int code = exit_code::done;      // else why there are none, which is said
  std::string what() const { return job.empty() ? "every job of the database" : fmt::format("`{}`", job); }
};

// Of a job, or of the job of a run: its databases. Of an address: that one.
Meant meant(const Arguments& arguments) {
  Meant found;
  std::string operand = arguments.operands[0];
  Session session;
  if (!operand.ends_with(".bfl") && operand.find(':') == std::string::npos) {
    const std::string path = state_path_of(arguments);
    if (!std::filesystem::exists(path)) return {{}, {}, failed(exit_code::script, fmt::format("no state file at `{}` that knows the run `{}`", path, operand), "name the job, JOB.bfl")};
    auto state = store::open_state(path);
    auto run = state ? (*state)->runs(runs_searched) : Result<std::vector<store::RunRecord>>(state.error());
    if (!run) return {{}, {}, failed(run.error())};
    for (const store::RunRecord& record : *run)
      if (record.id.starts_with(operand)) { operand = record.path; break; }
    if (!operand.ends_with(".bfl")) return {{}, {}, failed(exit_code::script, fmt::format("no run begins with `{}`", operand), "`bfl status` lists the runs")};
  }
  if (operand.ends_with(".bfl")) {
    if (!load(session, arguments, operand) || !open_sources(session, Access::write)) {
      show(session.diagnostics, session.texts);
      return {{}, {}, exit_code_of(session)};
    }
    found.job = session.program.job;
    for (std::size_t i = 0; i < session.connectors.size(); ++i) found.targets.push_back({std::move(session.connectors[i]), session.program.sources[i].name});
  } else {
    auto connector = connect::open(operand, {});
    if (!connector) return {{}, {}, failed(connector.error())};
    found.job = arguments.value("job");
    found.targets.push_back({std::move(*connector), "the database"});
  }
  Result<bool> there = true;
  std::erase_if(found.targets, [&](Target& target) {
    if (!target.connector->has_sql()) return true;
    auto exists = ledger::exists(*target.connector);
    if (exists && *exists)
      if (auto set_up = ledger::set_up(*target.connector); !set_up) exists = set_up.error();
    if (!exists) there = exists;
    return exists && !*exists;
  });
  if (!there) return {{}, {}, failed(there.error())};
  if (found.targets.empty())
    found.code = failed(exit_code::refused, "bfl has no tables there yet: no run has ever begun", "to keep the first run from beginning, set the environment variable `BFL_HALT` for it");
  return found;
}

std::string user_at_host() { return fmt::format("{}@{}", user_name(), host_name()); }

int misused(const Arguments& arguments, const std::string& message) {
  return failed(exit_code::script, message, fmt::format("write `bfl set {} pace 500/s` (`/m`, `/h`), `none` for no bound, `default` for what the job says", arguments.operands[0]));
}

int set_pace(const Arguments& arguments) {
  if (arguments.operands[1] != "pace") return misused(arguments, fmt::format("`{}` is nothing that can be set of a run", arguments.operands[1]));
  const std::string &value = arguments.operands[2], why = arguments.value("why");
  const bool taken_back = value == "default";
  if (!taken_back && (value.find(':') != std::string::npos || !run::rows_a_second(value))) return misused(arguments, fmt::format("`{}` is no pace", value));
  Meant all = meant(arguments);
  if (all.code != exit_code::done) return all.code;
  const std::string who = user_at_host(), now = format_timestamp(run::system_clock()->now());
  std::int64_t lifted = 0;
  for (Target& target : all.targets) {
    auto back = ledger::take_back(*target.connector, all.job, "pace", who, now);
    if (!back) return failed(back.error());
    lifted += *back;
    if (taken_back) continue;
    if (auto done = ledger::give(*target.connector, {all.job, "pace", who, why.empty() ? value : value + ": " + why, now}); !done) return failed(done.error());
  }
  const std::string what = all.what();
  if (arguments.has("json")) report::say(stdout, "{{\"order\":\"pace\",\"job\":\"{}\",\"value\":\"{}\",\"lifted\":{}}}\n", all.job, value, lifted);
  else if (taken_back) report::say(stdout, "{}\n", lifted ? fmt::format("{} goes as fast as it says", what) : fmt::format("no pace was set of {}", what));
  else report::say(stdout, "{} {}; `bfl set … pace default` takes that back\n", what, value == "none" ? "goes as fast as it can" : fmt::format("changes {} rows, and no more", value));
  return exit_code::done;
}

}  // namespace

int control_run(const Arguments& arguments) {
  const std::string& word = arguments.command;
  const std::string& operand = arguments.operands[0];
  if (arguments.has("job") && (operand.ends_with(".bfl") || operand.find(':') == std::string::npos))
    return failed(exit_code::script, fmt::format("`--job` goes with the address of a database, and `{}` names {}", operand, operand.ends_with(".bfl") ? "a job by itself" : "a run"),
                  fmt::format("leave it out, or write `bfl {} URL --job {}`", word, arguments.value("job")));
  if (word == "set") return set_pace(arguments);
  Meant all = meant(arguments);
  if (all.code != exit_code::done) return all.code;
  const std::string what = all.what();
  const std::string who = user_at_host(), now = format_timestamp(run::system_clock()->now());
  std::int64_t lifted = 0, given = 0;
  std::string runs, stands;
  for (Target& target : all.targets) {
    if (!all.job.empty()) {
      auto holder = ledger::holder(*target.connector, all.job);
      if (!holder) return failed(holder.error());
      if (*holder) runs = (*holder)->name;
    }
    if (word == "resume") {
      auto back = ledger::take_back(*target.connector, all.job, "", who, now);
      if (!back) return failed(back.error());
      lifted += *back;
      if (all.job.empty()) continue;
      auto left = ledger::orders(*target.connector, all.job);
      if (!left) return failed(left.error());
      if (std::any_of(left->begin(), left->end(), [](const ledger::Order& order) { return order.job.empty() && order.kind != "cancel" && order.kind != "pace"; }))
        stands = "; an order for every job of the database stands: `bfl resume` with the address of the database takes it back";
      continue;
    }
    if (word == "cancel" && runs.empty()) continue;
    if (auto back = ledger::take_back(*target.connector, all.job, word, who, now); !back) return failed(back.error());
    if (auto done = ledger::give(*target.connector, {all.job, word, who, arguments.value("why"), now}); !done) return failed(done.error());
    ++given;
  }
  std::string text;
  if (word == "resume") text = lifted ? fmt::format("{} may go on{}{}", what, runs.empty() && stands.empty() ? ": `bfl run`" : "", stands)
                                        : fmt::format("{} was neither paused nor halted by an order of its own{}", what, stands);
  else if (word == "cancel") text = given ? fmt::format("the run of {} ends after the chunk in flight", runs) : fmt::format("nobody runs {}", what);
  else if (word == "pause") text = fmt::format("{} is paused{}; `bfl resume` lets it go on", what, runs.empty() ? ": whoever runs it waits" : fmt::format(": the run of {} waits after the chunk in flight", runs));
  else text = fmt::format("{} is halted: a run of it ends after the chunk in flight, and none begins; `bfl resume` takes that back", what);
  if (arguments.has("json")) report::say(stdout, "{{\"order\":\"{}\",\"job\":\"{}\",\"given\":{},\"lifted\":{}}}\n", word, all.job, given, lifted);
  else report::say(stdout, "{}\n", text);
  return exit_code::done;
}

}  // namespace bfl::cli
