// `bfl quarantine`: rows that steps could not change, shown, tried again, or settled.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/row_named.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/ledger/hold_for.h"
#include "interpreter/ledger/quarantine.h"
#include "interpreter/ledger/writer.h"
#include "interpreter/report/words.h"
#include "interpreter/run/discreet.h"

namespace bfl::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  std::size_t source = 0;
  ledger::Quarantined of;
  std::string key;  // as it may be shown
};

const program::Step* step_of(const Session& session, const ledger::Quarantined& row) {
  const auto& steps = session.program.steps;
  const auto step = std::find_if(steps.begin(), steps.end(), [&](const program::Step& one) { return one.name == row.name; });
  return step == steps.end() ? nullptr : &*step;
}

// Of a step that the job no longer has nobody knows what its rows are known by.
std::string key_of(const Session& session, const ledger::Quarantined& row) {
  const program::Step* step = step_of(session, row);
  if (step) return run::display_key(session.program, *step, row.key);
  return check::any_sensitive(session.program) ? run::unshown : ledger::display(row.key);
}

// As it is shown, or as somebody would write it.
bool is_named(Session& session, std::size_t source, const ledger::Quarantined& row, const std::string& key) {
  if (ledger::display(row.key) == key || (key_of(session, row) == key && key.find(run::unshown) == std::string::npos)) return true;
  const program::Step* step = step_of(session, row);
  if (!step || !step->once_per.empty()) return false;
  connect::Connector& target = *session.connectors[source];
  const auto typed = key_typed(target, session.program.table(step->target), program::adds_rows(step->kind) ? step->key : step->walk, key);
  return typed && typed->is(target, ledger::views(row.key));
}

// As `--step` and a key say; all without them.
Result<std::vector<Row>> waiting(Session& session, const Arguments& arguments) {
  std::vector<Row> rows;
  const std::string step = arguments.value("step");
  const std::optional<std::string> key = arguments.operands.size() > 2 ? std::optional(arguments.operands[2]) : std::nullopt;
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    if (!session.connectors[i]->has_sql()) continue;
    auto found = ledger::quarantine(*session.connectors[i], session.program.job);
    if (!found) return found.error();
    for (ledger::Quarantined& row : *found) {
      if ((!step.empty() && row.name != step) || (key && !is_named(session, i, row, *key))) continue;
      std::string shown = key_of(session, row);
      rows.push_back({i, std::move(row), std::move(shown)});
    }
  }
  if (rows.empty() && (!step.empty() || key))
    return Error{ErrorClass::data, fmt::format("no row{}{} is in quarantine", key ? " with key " + *key : "", step.empty() ? "" : " of `" + step + "`"), {},
                 fmt::format("`bfl quarantine list {}` lists those that are", arguments.operands[1])};
  return rows;
}

Json object_of(const Row& row) {
  return {{"step", row.of.name}, {"generation", row.of.generation}, {"key", row.key}, {"error", row.of.error},
          {"time", row.of.time}, {"run", row.of.run}, {"who", row.of.who}};
}

std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

int list(Session& session, const Arguments& arguments) {
  auto rows = waiting(session, arguments);
  if (!rows) return failed(rows.error());
  Json all = Json::array();
  std::string text;
  std::size_t step = 4, key = 3;
  for (const Row& row : *rows) {
    all.push_back(object_of(row));
    step = std::max(step, row.of.name.size());
    key = std::max(key, row.key.size());
  }
  if (!rows->empty()) text = fmt::format("{:<{}}  {:<{}}  {:<19}  ERROR\n", "STEP", step, "KEY", key, "SINCE");
  for (const Row& row : *rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<19}  {}\n", row.of.name, step, report::printable(row.key), key, row.of.time.substr(0, 19), report::printable(row.of.error));
  report::put(stdout, arguments.has("json") ? dumped(all) : text.empty() ? "nothing is in quarantine\n" : text);
  return exit_code::done;
}

// The row as it is now, where the step knows its rows by a key of its table.
Result<std::vector<std::pair<std::string, std::string>>> row_now(Session& session, const Row& row) {
  std::vector<std::pair<std::string, std::string>> columns;
  const program::Program& program = session.program;
  const program::Step* step = step_of(session, row.of);
  if (!step || !program::writes_anchor(step->kind) || step->target.source != static_cast<int>(row.source)) return columns;
  connect::Connector& target = *session.connectors[row.source];
  const lower::Statement read = lower::hands(program, *step, lower::dialect_of(target.engine())).own.read;
  auto prepared = target.prepare(read, eval::Context{});
  if (!prepared) return prepared.error();
  const Table& table = program.table(step->target);
  auto done = (*prepared)->query_raw(ledger::views(row.of.key), [&](connect::RawRow now) {
    for (std::size_t i = 0; i < table.columns.size() && i < now.size(); ++i) {
      auto value = target.decode(now[i], read.columns[i]);
      columns.emplace_back(table.columns[i].name, value ? run::literal(table.columns[i], *value) : run::display_key(table, {static_cast<int>(i)}, {ledger::Stored::of(now[i])}));
    }
    return false;
  });
  if (!done) return done.error();
  return columns;
}

int show(Session& session, const Arguments& arguments) {
  auto rows = waiting(session, arguments);
  if (!rows) return failed(rows.error());
  Json all = Json::array();
  std::string text;
  for (const Row& row : *rows) {
    auto now = row_now(session, row);
    if (!now) return failed(now.error());
    Json object = object_of(row);
    for (const auto& [name, value] : *now) object["row"][name] = value;
    all.push_back(std::move(object));
    text += fmt::format("{} {}\n  error  {}\n  since  {}, generation {}, run {} by {}\n", row.of.name, report::printable(row.key), report::printable(row.of.error), row.of.time,
                        row.of.generation, row.of.run, row.of.who);
    for (const auto& [name, value] : *now) text += fmt::format("  now    {} = {}\n", name, report::printable(value));
  }
  report::put(stdout, arguments.has("json") ? dumped(all) : text.empty() ? "nothing is in quarantine\n" : text);
  return exit_code::done;
}

int resolve(Session& session, const Arguments& arguments) {
  if (!arguments.has("why")) return failed(Error{ErrorClass::data, "why are the rows settled?", {}, "say it for the ledger: `--why \"mended by hand\"`"});
  auto rows = waiting(session, arguments);
  if (!rows) return failed(rows.error());
  auto clock = run::system_clock();
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    std::vector<ledger::Quarantined> here;
    for (const Row& row : *rows)
      if (row.source == i) here.push_back(row.of);
    if (here.empty()) continue;
    connect::Connector& target = *session.connectors[i];
    auto noted = ledger::hold_for(target, session.program.job, runner_here(*clock), [&](ledger::Writer& writer) { return writer.resolve(here, arguments.value("why")); });
    if (!noted) return failed(noted.error());
  }
  if (arguments.has("json")) report::put(stdout, fmt::format("{{\"resolved\":{}}}\n", rows->size()));
  else report::put(stdout, rows->empty() ? "nothing is in quarantine\n" : fmt::format("{} settled\n", report::counted(static_cast<std::int64_t>(rows->size()), "row")));
  return exit_code::done;
}

}  // namespace

int quarantine(const Arguments& arguments) {
  const std::string& verb = arguments.operands[0];
  if (arguments.operands.size() > 2 && verb == "retry") return failed(Error{ErrorClass::data, "the rows of a step are tried again together", {}, "name the step: `--step STEP`"});
  Session session;
  const bool reads = verb == "list" || verb == "show";
  if (!load(session, arguments, arguments.operands[1]) || !check(session, reads ? Access::read : Access::write)) return failed(session);
  if (verb == "list") return list(session, arguments);
  if (verb == "show") return show(session, arguments);
  if (verb == "resolve") return resolve(session, arguments);
  auto rows = waiting(session, arguments);
  if (!rows) return failed(rows.error());
  if (rows->empty()) return report::put(stdout, "nothing is in quarantine\n"), exit_code::done;
  std::vector<std::string> steps;
  for (const Row& row : *rows)
    if (std::find(steps.begin(), steps.end(), row.of.name) == steps.end()) steps.push_back(row.of.name);
  return run_again(arguments, steps);
}

}  // namespace bfl::cli
