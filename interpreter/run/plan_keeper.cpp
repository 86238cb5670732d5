#include "interpreter/run/plan_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/check/visit.h"
#include "interpreter/run/planned.h"
#include "interpreter/run/planned_changes.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using program::ColumnUse;
using program::Step;
using program::StepKind;

// What decides which rows a step changes and what they become. What it reads for the sake of constraints alone is seen when it writes.
std::set<ColumnUse> decisive(const program::Program& program, const Step& step) {
  if (step.duplicates || step.free_name) return step.reads;
  std::set<ColumnUse> uses;
  const auto see = check::Seeing{
      [&](const program::Expr& expr) {
        if (expr.kind != program::ExprKind::column) return;
        if (const auto& ref = program.inputs[expr.input].table) uses.insert({*ref, expr.column});
      },
      [&](const program::Relation& relation) {
        for (const auto& input : relation.inputs) {
          if (!input.table) continue;
          uses.insert({*input.table, -1});
          if (const program::Query* query = program.query(*input.table)) uses.insert(query->reads.begin(), query->reads.end());
        }
      }};
  if (step.relation) check::for_each(*step.relation, see);
  if (step.when) check::for_each(*step.when, see);
  for (const auto& assignment : step.assignments) check::for_each(*assignment.value, see);
  for (const auto& expr : step.once_per) check::for_each(*expr, see);
  for (int column : step.walk) uses.insert({step.target, column});
  if (step.kind == StepKind::upsert)
    for (const ColumnUse& use : step.writes)
      if (use.table == step.target) uses.insert(use);
  for (const program::TableRef ref : step.cascades) {
    uses.insert({ref, -1});
    for (std::size_t c = 0; c < program.table(ref).columns.size(); ++c) uses.insert({ref, static_cast<int>(c)});
  }
  return uses;
}

}  // namespace

void PlanKeeper::put_off(std::size_t step, std::string why) {
  states_[step].planned = Planned::later;
  states_[step].why = std::move(why);
}

void PlanKeeper::take_stock(const program::Program& program, const plan::Plan& plan, const std::vector<Decision>& decisions, Diagnostics& diagnostics) {
  program_ = &program;
  states_.resize(program.steps.size());
  std::vector<std::vector<std::size_t>> waits(program.steps.size());
  for (const plan::Edge& edge : plan.edges) waits[edge.to].push_back(edge.from);
  std::map<ColumnUse, std::size_t> written;                    // by a step that the plan holds
  std::map<program::TableRef, std::size_t> by_statement;       // tables that a statement of SQL writes
  std::map<program::TableRef, std::size_t> kept;               // relations that a step keeps: not known before it has run
  std::map<program::TableRef, std::size_t> writers;             // how many
  for (const std::size_t index : plan.order) {
    const Step& step = program.steps[index];
    if (program::only_asserts(step.kind)) continue;
    PlannedStep& state = states_[index];
    const Decision& decision = decisions[index];
    state.step = step.name;
    state.generation = decision.generation;
    for (const plan::KeyComponent& component : plan.steps[index].key.components) state.components[component.name] = component.digest;
    if (decision.kind == DecisionKind::reuse) {
      state.planned = Planned::done;
      continue;
    }
    if (decision.kind != DecisionKind::run) {
      diagnostics.error(Code::nothing_to_keep, step.name_span, fmt::format("`{}` has begun and is not finished: a plan would hold a part of it", step.name),
                        "run it to its end, or take it back with `bfl undo`; then make the plan");
      continue;
    }
    if (step.sql) {
      state.planned = Planned::statement;
      state.statement = statement_of(program, step);
    } else if (step.through) {
      put_off(index, fmt::format("`{}` is asked when it runs", step.through->program->name));
    } else {
      for (const ColumnUse& use : decisive(program, step)) {
        const auto writer = written.find(use);
        const auto raw = by_statement.find(use.table);
        const auto keeper = kept.find(use.table);
        if (writer != written.end()) put_off(index, fmt::format("it reads what `{}` changes", program.steps[writer->second].name));
        else if (raw != by_statement.end()) put_off(index, fmt::format("it reads rows that the statement of `{}` may change", program.steps[raw->second].name));
        else if (keeper != kept.end()) put_off(index, fmt::format("it reads what `{}` leaves", program.steps[keeper->second].name));
        else continue;
        break;
      }
    }
    for (const std::size_t before : waits[index])
      if (holds(index) && states_[before].planned == Planned::later) put_off(index, fmt::format("it waits for `{}`", program.steps[before].name));
    for (const program::Effect& effect : step.effects) kept[effect.table] = index;
    if (state.planned == Planned::later) {
      if (step.kind == StepKind::snapshot) kept[step.target] = index;
      continue;
    }
    if (step.kind == StepKind::snapshot) continue;
    if (const auto raw = by_statement.find(step.target); !step.sql && raw != by_statement.end()) {
      put_off(index, fmt::format("the statement of `{}` may change its rows", program.steps[raw->second].name));
      continue;
    }
    for (const ColumnUse& use : step.writes) written.emplace(use, index);
    if (step.sql) {
      by_statement.emplace(step.target, index);
      for (const program::TableRef other : step.cascades) by_statement.emplace(other, index);
    } else {
      ++writers[step.target];
    }
  }
  for (const auto& [table, steps] : writers)
    if (steps > 1) as_left_.emplace(table, AsLeft(program.table(table)));
}

void PlanKeeper::leave_out(std::size_t step) {
  states_[step].planned = Planned::left_out;
  states_[step].why = program_->steps[step].when_reason;
}

Result<void> PlanKeeper::keep(std::size_t index, Spool& rows) {
  states_[index].rows = rows.changed();
  const Step& step = program_->steps[index];
  const auto others = as_left_.find(step.target);
  if (others == as_left_.end()) return file_.add(step.name, rows);
  Spool followed;
  if (auto done = others->second.follow(rows, key_values(step), followed); !done) return done;
  return file_.add(step.name, followed);
}

Result<void> PlanKeeper::keep_rows(std::size_t index, const RowSpool& rows) {
  Spool spool;
  PlannedRows planned(spool);
  Result<void> kept;
  auto read = rows.each([&](connect::RawRow row) { return bool(kept = planned.add(row)); });
  if (!read) return read;
  if (kept) kept = planned.end();
  if (!kept) return kept;
  return keep(index, spool);
}

Result<void> PlanKeeper::keep_table(std::size_t index, connect::Connector& target, const Table& table) {
  lower::Statement all;
  all.text = "SELECT * FROM " + lower::quote_identifier(table.name);
  for (const Column& column : table.columns) all.columns.push_back(lower::wire_of(column));
  auto select = target.prepare(all, {});
  if (!select) return select.error();
  Spool spool;
  PlannedRows planned(spool);
  Result<void> kept;
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) { return bool(kept = planned.add(row)); });
  if (!read) return read;
  if (kept) kept = planned.end();
  if (!kept) return kept;
  return keep(index, spool);
}

std::vector<PlannedStep> PlanKeeper::steps() const {
  std::vector<PlannedStep> all;
  for (const PlannedStep& state : states_)
    if (!state.step.empty()) all.push_back(state);
  return all;
}

bool PlanKeeper::holds_any() const {
  return std::any_of(states_.begin(), states_.end(), [](const PlannedStep& state) { return !state.step.empty() && (state.planned == Planned::rows || state.planned == Planned::statement); });
}

}  // namespace bfl::run
