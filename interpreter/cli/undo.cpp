// `bfl undo`: rows back to their images before.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/report/words.h"
#include "interpreter/run/undo.h"

namespace bfl::cli {
namespace {

int failed(const Error& error) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), error.message);
  if (!error.detail.empty()) report::say(stderr, "  {}\n", error.detail);
  if (!error.help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), error.help);
  return error.kind == ErrorClass::refused ? exit_code::refused : error.kind == ErrorClass::data ? exit_code::script : exit_code::world;
}

int refuse(Session& session) {
  show(session.diagnostics, session.texts);
  return session.resumable ? exit_code::resumable : exit_code_of(session.diagnostics);
}

Result<run::UndoRequest> request_of(const Arguments& arguments) {
  run::UndoRequest request{arguments.value("run"), arguments.value("step"), {}};
  if (!arguments.has("keys")) return request;
  const std::string keys = arguments.value("keys");
  const auto dots = keys.find("..");
  if (dots == std::string::npos || dots == 0 || dots + 2 == keys.size()) return Error{ErrorClass::data, fmt::format("`{}` is no range of keys", keys), {}, "for example: --keys 100..200"};
  if (request.step.empty()) return Error{ErrorClass::data, "`--keys` says which rows of a step, and no step is named", {}, "name it: `--step STEP`"};
  request.keys = {keys.substr(0, dots), keys.substr(dots + 2)};
  return request;
}

std::string plan_text(const std::vector<run::UndoTask>& tasks) {
  std::string text;
  for (const run::UndoTask& task : tasks) {
    text += fmt::format("{} generation {}: {} put back", task.undone.step, task.undone.number, report::counted(task.put_back, "row"));
    if (task.as_before) text += fmt::format(", {} as before already", report::grouped(task.as_before));
    if (task.conflicts) text += fmt::format(", {} in conflict", report::grouped(task.conflicts));
    text += '\n';
    for (const std::string& conflict : task.listed) text += "  " + conflict + "\n";
  }
  return text.empty() ? "nothing to undo\n" : text;
}

std::string plan_json(const std::vector<run::UndoTask>& tasks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const run::UndoTask& task : tasks)
    list.push_back({{"step", task.undone.step}, {"generation", task.undone.number}, {"put_back", task.put_back}, {"as_before", task.as_before}, {"conflicts", task.conflicts},
                    {"listed", task.listed}});
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

int undo_job(const Arguments& arguments) {
  auto request = request_of(arguments);
  if (!request) return failed(request.error());
  const bool json = arguments.has("json"), plan_only = arguments.has("plan");
  Session session;
  if (!load(session, arguments) || !check(session, plan_only ? Access::read : Access::write)) return refuse(session);
  auto tasks = run::undo_tasks(session.program, session.targets(), *request);
  if (!tasks) return failed(tasks.error());
  if (plan_only) {
    if (auto counted = run::preview_undo(session.program, session.targets(), *tasks); !counted) return failed(counted.error());
    report::put(stdout, json ? plan_json(*tasks) : plan_text(*tasks));
    return exit_code::done;
  }
  if (tasks->empty()) {
    report::put(stdout, json ? "" : "nothing to undo\n");
    return exit_code::done;
  }
  std::unique_ptr<store::State> state;
  if (!have_state(session, arguments, state)) return refuse(session);
  auto clock = run::system_clock();
  return put_back(session, arguments, *state, *clock, *tasks);
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
  if (!arguments.has("json"))
    for (const run::UndoTask& task : tasks)
      for (const std::string& conflict : task.listed) report::say(stdout, "  conflict: {}\n", conflict);
  return code;
}

}  // namespace bfl::cli
