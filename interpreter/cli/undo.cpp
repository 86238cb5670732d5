// `bfl undo`: rows back to their images before.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/typed.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/report/words.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/undo.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

int refuse(Session& session) {
  show(session.diagnostics, session.texts);
  return exit_code_of(session);
}

Result<run::UndoRequest> request_of(const Arguments& arguments) {
  run::UndoRequest request{.run = arguments.value("run"), .step = arguments.value("step")};
  request.finish = arguments.has("finish");
  for (const char* flag : {"run", "step", "keys"})
    if (request.finish && arguments.has(flag)) return Error{ErrorClass::data, fmt::format("`--finish` does not go with `--{}`", flag), {}, "it goes on with what was cut short, as it was begun"};
  if (!arguments.has("keys")) return request;
  const std::string keys = arguments.value("keys");
  const auto dots = keys.find("..");
  if (dots == std::string::npos || dots == 0 || dots + 2 == keys.size()) return Error{ErrorClass::data, fmt::format("`{}` is no range of keys", keys), {}, "for example: --keys 100..200"};
  if (request.step.empty()) return Error{ErrorClass::data, "`--keys` says which rows of a step, and no step is named", {}, "name it: `--step STEP`"};
  request.keys = {keys.substr(0, dots), keys.substr(dots + 2)};
  return request;
}

std::int64_t chunks_lost(const run::UndoTask& task) {
  std::int64_t all = 0;
  for (const ledger::Gap& gap : task.lost) all += std::max<std::int64_t>(1, gap.chunks);
  return all;
}

// Why nothing may be put back there: an older copy has come back, and what this machine has seen is not in it. Nothing: it may.
Result<std::optional<Error>> put_back_to_older(const Session& session, store::State& state) {
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    connect::Connector& target = *session.connectors[i];
    auto there = target.has_sql() ? ledger::exists(target) : Result<bool>(false);
    if (!there) return there.error();
    if (!*there) continue;
    auto identity = ledger::identity(target);
    auto generations = ledger::generations(target, session.program.job);
    if (!identity || !generations) return identity ? generations.error() : identity.error();
    auto older = run::older_than_seen(target, state, *identity, session.program.sources[i].name, *generations, as_typed(session.path));
    if (!older || *older) return older;
  }
  return std::optional<Error>();
}

// By the ledgers, or by the diary: a run that only verified has held nothing.
Result<bool> knows_run(const Session& session, store::State* state, const std::string& run) {
  for (const auto& connector : session.connectors) {
    auto known = connector->has_sql() ? ledger::knows_run(*connector, session.program.job, run) : Result<bool>(false);
    if (!known || *known) return known;
  }
  constexpr std::size_t searched = 10'000;
  auto runs = state ? state->runs(searched) : Result<std::vector<store::RunRecord>>(std::vector<store::RunRecord>());
  if (!runs) return runs.error();
  return std::any_of(runs->begin(), runs->end(), [&](const store::RunRecord& one) { return one.job == session.program.job && one.id.starts_with(run); });
}

// How many of its conflicts are not listed; empty: none.
std::string more_conflicts(const run::UndoTask& task) {
  const std::int64_t more = task.conflicts - static_cast<std::int64_t>(task.listed.size());
  return more > 0 ? fmt::format("and {} more in conflict", report::grouped(more)) : std::string();
}

// What is in the way of being put back was found and told before: it is told again, and is no success.
int nothing_to_undo(const Session& session, const run::UndoRequest& request, bool json) {
  auto left = run::left_by_undoes(session.program, session.targets(), request.step);
  if (!left) return failed(left.error());
  if (!json) report::put(stdout, left->empty() ? "nothing to undo\n" : fmt::format("nothing to undo; {} in conflict {} left as {}:\n", report::counted(static_cast<std::int64_t>(left->size()), "row"), left->size() == 1 ? "is" : "are", left->size() == 1 ? "it was" : "they were"));
  for (const std::string& row : *left)
    if (!json) report::say(stdout, "  conflict: {}\n", row);
  return left->empty() ? exit_code::done : exit_code::conflicts;
}

std::string plan_text(const std::vector<run::UndoTask>& tasks) {
  std::string text;
  for (const run::UndoTask& task : tasks) {
    text += fmt::format("{} generation {}: {} put back", task.undone.step, task.undone.number, report::counted(task.put_back, "row"));
    if (task.as_before) text += fmt::format(", {} as before already", report::grouped(task.as_before));
    if (task.conflicts) text += fmt::format(", {} in conflict", report::grouped(task.conflicts));
    text += '\n';
    for (const std::string& conflict : task.listed) text += "  " + conflict + "\n";
    if (const std::string more = more_conflicts(task); !more.empty()) text += "  " + more + "\n";
    for (const std::string& lost : task.lost_lines()) text += "  " + lost + "\n";
  }
  return text.empty() ? "nothing to undo\n" : text;
}

std::string plan_json(const std::vector<run::UndoTask>& tasks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const run::UndoTask& task : tasks)
    list.push_back({{"step", task.undone.step}, {"generation", task.undone.number}, {"put_back", task.put_back}, {"as_before", task.as_before}, {"conflicts", task.conflicts},
                    {"listed", task.listed}, {"chunks_lost", chunks_lost(task)}});
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

int undo_job(const Arguments& arguments) {
  auto request = request_of(arguments);
  if (!request) return failed(request.error());
  const bool json = arguments.has("json"), plan_only = arguments.has("plan");
  Session session;
  if (!load(session, arguments) || !check(session, plan_only ? Access::read : Access::write)) return refuse(session);
  std::unique_ptr<store::State> state;
  if (std::filesystem::exists(state_path_of(arguments)) && !have_state(session, arguments, state)) return refuse(session);
  if (state) {
    if (const auto stopped = refuse_older(session, *state)) return *stopped;
  }
  bool rollback = false;
  if (request->finish) {  // a run that undoes itself is undone to its end
    auto begun = run::undo_cut_short(session.program, session.targets());
    if (!begun) return failed(begun.error());
    rollback = *begun && **begun == run::of_the_run;
    if (rollback)
      if (auto all = whole_rollback(session, *request); !all) return failed(all.error());
  }
  std::optional<Code> code;
  auto tasks = run::undo_tasks(session.program, session.targets(), *request, &code);
  if (!tasks) return code ? failed(*code, tasks.error()) : failed(tasks.error());
  if (tasks->empty() && !request->run.empty()) {
    auto known = knows_run(session, state.get(), request->run);
    if (!known) return failed(known.error());
    if (!*known) return failed({ErrorClass::data, fmt::format("no run of {} begins with `{}`", session.program.job, request->run), {}, "`bfl status` lists the runs"});
  }
  if (plan_only) {
    if (auto counted = run::preview_undo(session.program, session.targets(), *tasks); !counted) return failed(counted.error());
    report::put(stdout, json ? plan_json(*tasks) : plan_text(*tasks));
    return exit_code::done;
  }
  if (tasks->empty() && !rollback) {  // else the job is to be let go
    if (!request->finish) return nothing_to_undo(session, *request, json);
    report::put(stdout, json ? "" : "no undo was cut short\n");
    return exit_code::done;
  }
  if (!have_state(session, arguments, state)) return refuse(session);
  auto clock = run::system_clock();
  return put_back(session, arguments, *state, *clock, *tasks);
}

std::optional<int> refuse_older(const Session& session, store::State& state) {
  auto older = put_back_to_older(session, state);
  if (!older) return failed(older.error());
  if (*older) return failed(Code::target_behind, **older);
  return std::nullopt;
}

Result<void> whole_rollback(const Session& session, run::UndoRequest& request) {
  request = {.because = std::string(run::of_the_run)};
  for (const auto& connector : session.connectors) {
    auto runs = connector->has_sql() ? ledger::unfinished_runs(*connector, session.program.job) : Result<std::vector<std::string>>(std::vector<std::string>());
    if (!runs) return runs.error();
    request.runs.insert(request.runs.end(), runs->begin(), runs->end());
  }
  request.finish = request.runs.empty();
  return {};
}

void take_steps(Session& session, const std::vector<run::UndoTask>& tasks) {
  session.program.steps.clear();
  session.plan = {};
  for (const run::UndoTask& task : tasks) {
    session.plan.order.push_back(session.plan.steps.size());
    session.plan.steps.push_back({session.program.steps.size(), plan::WorkKind::sealed_write, {}});
    session.program.steps.push_back(task.step);
  }
}

int put_back(Session& session, const Arguments& arguments, store::State& state, run::Clock& clock, std::vector<run::UndoTask>& tasks) {
  take_steps(session, tasks);
  const int code = carry_out(session, arguments, &state, &clock, [&](run::StopSignal& stop, const run::Listener& tell, run::Options& options, Diagnostics& found) {
    return run::undo(session.program, session.plan, tasks, session.targets(), state, clock, stop, tell, options, found);
  });
  for (const run::UndoTask& task : tasks) {
    if (arguments.has("json")) break;
    if (const std::string more = more_conflicts(task); !more.empty()) report::say(stdout, "  {}; `bfl undo {}` now names all of them\n", more, as_typed(session.path));
    for (const std::string& lost : task.lost_lines()) report::say(stdout, "  {}\n", lost);
  }
  return code;
}

}  // namespace bfl::cli
