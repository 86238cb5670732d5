#include "interpreter/run/dependence.h"

#include <algorithm>

#include "interpreter/run/restraints.h"

namespace bfl::run {
namespace {

void add(std::vector<std::size_t>& steps, std::size_t step) {
  if (std::find(steps.begin(), steps.end(), step) == steps.end()) steps.push_back(step);
}

constexpr std::int64_t most_rows = 200'000;  // of larger tables no copy is made for the sake of constraints alone

// Columns of its own table at which constraints look that the step may break, where steps before it change others than it looks at itself.
std::vector<program::ColumnUse> restrained(const program::Program& program, const program::Step& step, const std::set<program::ColumnUse>& written, connect::Connector& target) {
  std::vector<program::ColumnUse> uses;
  const Table& table = program.table(step.target);
  if (!program::changes_rows(step.kind) || step.sql || !table.kept.empty() || table.estimated_rows.value_or(0) > most_rows) return uses;
  const auto others = [&](const program::ColumnUse& use) { return use.table == step.target && !step.reads.contains(use) && !step.writes.contains(use); };
  if (std::none_of(written.begin(), written.end(), others)) return uses;
  const auto found = restraints_of(target, program, step);
  if (!found) return uses;  // it is said where they are tried
  for (const std::string& name : found->asks) uses.push_back({step.target, name.empty() ? -1 : table.column_index(name)});
  return uses;
}

// What the database looks at when the step changes rows of a table with foreign keys: the rows that those refer to, and those that refer to
// them.
std::vector<program::ColumnUse> referred(const program::Program& program, const program::Step& step) {
  std::vector<program::ColumnUse> uses;
  if (!program::changes_rows(step.kind)) return uses;
  const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(step.target.source)];
  const Table& own = program.table(step.target);
  const auto sets = [&](const std::vector<std::string>& columns) {
    return program::adds_rows(step.kind) || std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& set) {
      return std::find(columns.begin(), columns.end(), own.columns[static_cast<std::size_t>(set.column)].name) != columns.end();
    });
  };
  const auto use = [&](const std::string& name, const std::vector<std::string>& columns) {
    for (std::size_t i = 0; i < catalogue.tables.size(); ++i) {
      const Table& table = catalogue.tables[i];
      if (table.name != name || !table.kept.empty() || table.estimated_rows.value_or(0) > most_rows) continue;
      const program::TableRef ref{step.target.source, static_cast<int>(i)};
      uses.push_back({ref, -1});
      for (const std::string& column : columns) uses.push_back({ref, table.column_index(column)});
    }
  };
  for (const ForeignKey& key : catalogue.foreign_keys) {
    if (key.table == key.parent) continue;
    if (key.table == own.name && step.kind != program::StepKind::remove && sets(key.columns)) use(key.parent, key.parent_columns);
    if (key.parent == own.name && (step.kind == program::StepKind::remove || (step.kind != program::StepKind::insert && sets(key.parent_columns)))) use(key.table, key.columns);
  }
  return uses;
}

}  // namespace

Dependence::Dependence(const program::Program& program, const plan::Plan& plan, const std::vector<Decision>& decisions, const std::vector<connect::Connector*>& targets)
    : program_(program), plan_(plan), position_(program.steps.size()), wanted_(program.steps.size()), states_(program.steps.size()) {
  std::set<program::ColumnUse> written;
  for (std::size_t at = 0; at < plan.order.size(); ++at) {
    const std::size_t index = plan.order[at];
    const program::Step& step = program.steps[index];
    position_[index] = at;
    if (decisions[index].kind == DecisionKind::reuse) continue;
    for (const std::set<program::ColumnUse>* uses : {&step.reads, &step.writes})
      for (const program::ColumnUse& use : *uses)
        if (written.contains(use)) last_look_[use.table] = at;
    std::vector<program::ColumnUse> asked = referred(program, step);
    if (step.target.source >= 0)
      for (const program::ColumnUse& use : restrained(program, step, written, *targets[static_cast<std::size_t>(step.target.source)])) asked.push_back(use);
    for (const program::ColumnUse& use : asked)
      if (written.contains(use)) last_look_[use.table] = at;
    if (program::changes_rows(step.kind)) written.insert(step.writes.begin(), step.writes.end());
  }
  for (const std::size_t index : plan.order) {
    const program::Step& step = program.steps[index];
    if (!program::changes_rows(step.kind) || step.sql || decisions[index].kind == DecisionKind::reuse) continue;
    for (const program::ColumnUse& use : step.writes) {
      if (!looked_at(index, use.table)) continue;
      wanted_[index] = true;
      if (program.table(use.table).kept.empty()) tables_.insert(use.table);
    }
    if (wanted_[index]) tables_.insert(step.target);  // what is kept of its rows follows from the rows
  }
}

bool Dependence::looked_at(std::size_t step, program::TableRef table) const {
  const auto last = last_look_.find(table);
  return last != last_look_.end() && last->second > position_[step];
}

bool Dependence::looked_at_behind(std::size_t step, int source) const {
  return std::any_of(last_look_.begin(), last_look_.end(), [&](const auto& last) { return last.first.source == source && last.second > position_[step]; });
}

bool Dependence::meet(std::size_t writer, std::size_t step) const {
  const auto& writes = program_.steps[writer].writes;
  const auto uses = [&](const std::set<program::ColumnUse>& of) { return std::any_of(of.begin(), of.end(), [&](const auto& use) { return writes.contains(use); }); };
  return uses(program_.steps[step].reads) || uses(program_.steps[step].writes);
}

Dependence::Basis Dependence::basis(std::size_t step) const {
  Basis basis;
  // The database's own views, and the script's own SQL, look at the tables themselves.
  const auto& reads = program_.steps[step].reads;
  const bool looks_past = basis.looks_past = std::any_of(reads.begin(), reads.end(), [&](const auto& use) { return program_.table(use.table).view || program_.query(use.table); });
  const auto take = [&](std::size_t writer) {
    const Seen& seen = states_[writer].seen;
    if (!seen.unknown.empty() && basis.unknown.empty()) basis.unknown = seen.unknown;
    if (program::changes_rows(program_.steps[writer].kind) && seen.changes) add(seen.applied && !looks_past ? basis.on_top : basis.before, writer);
  };
  // The edges lie by `to`.
  auto edge = std::lower_bound(plan_.edges.begin(), plan_.edges.end(), step, [](const plan::Edge& one, std::size_t to) { return one.to < to; });
  for (; edge != plan_.edges.end() && edge->to == step; ++edge) {
    if (edge->reason == plan::EdgeReason::by_hand || edge->reason == plan::EdgeReason::guarded) continue;
    const State& from = states_[edge->from];
    const bool flows = edge->reason != plan::EdgeReason::reads_then_writes;  // what it was made from stands under this one, too
    if (flows) take(edge->from);
    for (const auto* steps : {&from.basis.before, &from.basis.on_top})
      for (const std::size_t writer : *steps)
        if (flows ? steps == &from.basis.before && from.seen.changes : meet(writer, step)) take(writer);
  }
  return basis;
}

void Dependence::saw(std::size_t step, const Basis& basis, Seen seen) { states_[step] = {std::move(seen), basis}; }

void Dependence::forget(int source) {
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (program_.steps[i].target.source == source) states_[i].seen.applied = false;
}

}  // namespace bfl::run
