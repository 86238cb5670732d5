// Effects: which columns a step reads and writes. Constraints are reads too: whoever writes under a unique or foreign key
// depends on what else is under it.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::ColumnUse;
using program::Step;
using program::TableRef;

void Checker::effects(Step& step) {
  if (!affords(step)) return;
  const auto see = Seeing{
      [&](const Expr& expr) {
        if (expr.kind != ExprKind::column) return;
        const auto& ref = program.inputs[expr.input].table;
        if (!ref) return;
        step.reads.insert({*ref, expr.column});
        const auto& columns = table(*ref).columns;
        if (!columns[static_cast<std::size_t>(expr.column)].generated) return;
        for (std::size_t c = 0; c < columns.size(); ++c) step.reads.insert({*ref, static_cast<int>(c)});  // it is computed from some of these
      },
      [&](const program::Relation& relation) {
        for (const auto& input : relation.inputs) {
          if (!input.table) continue;
          step.reads.insert({*input.table, -1});
          if (const program::Query* query = program.query(*input.table)) step.reads.insert(query->reads.begin(), query->reads.end());
        }
      }};
  for (const auto& assertion : step.assertions) for_each(*assertion.condition, see);
  if (step.when) for_each(*step.when, see);
  if (step.done_when) for_each(*step.done_when, see);
  if (program::only_asserts(step.kind) || !step.relation) return;
  for_each(*step.relation, see);
  for (const auto& assignment : step.assignments) {
    for_each(*assignment.value, see);
    step.writes.insert({step.target, assignment.column});
  }
  for (const ExprPtr& expr : step.once_per) for_each(*expr, see);
  if (step.duplicates)
    for (const auto& key : step.duplicates->order) for_each(*key.expr, see);
  if (step.free_name) {
    for_each(*step.free_name->compared, see);
    for_each(*step.free_name->candidate, see);
    for (const auto& key : step.free_name->order) for_each(*key.expr, see);
    for (int c : step.free_name->within) step.reads.insert({step.target, c});
    step.reads.insert({step.target, -1});
  }
  const auto write_rows = [&](TableRef ref) {
    step.writes.insert({ref, -1});
    for (std::size_t c = 0; c < table(ref).columns.size(); ++c) step.writes.insert({ref, static_cast<int>(c)});
  };
  if (step.kind != program::StepKind::update || step.duplicates) write_rows(step.target);
  for (TableRef ref : step.cascades) write_rows(ref);
  if (step.kind == program::StepKind::snapshot) return;
  if (step.kind != program::StepKind::update) step.reads.insert({step.target, -1});
  for (int c : step.walk) step.reads.insert({step.target, c});
  for (int c : step.key) step.reads.insert({step.target, c});

  const Table& target = table(step.target);
  const auto writes = [&](int c) { return step.writes.contains({step.target, c}); };
  for (const Key& key : target.keys)
    if (std::any_of(key.columns.begin(), key.columns.end(), writes))
      for (int c : key.columns) step.reads.insert({step.target, c});

  const auto source = static_cast<std::size_t>(step.target.source);
  SourceNames& names = source_names_[source];
  const auto& foreign_keys = program.catalogues[source].foreign_keys;
  const auto writes_any = [&](const std::vector<std::string>& columns) {
    return std::any_of(columns.begin(), columns.end(), [&](const std::string& name) { return writes(column_index(step.target, name)); });
  };
  const auto read = [&](const std::string& of, const std::vector<std::string>& columns) {
    const auto found = names.tables.find(of);
    if (found == names.tables.end()) return;
    const TableRef ref{step.target.source, found->second};
    for (const std::string& name : columns)
      if (const int c = column_index(ref, name); c >= 0) step.reads.insert({ref, c});
    step.reads.insert({ref, -1});
  };
  if (const auto keys = names.keys_of_child.find(target.name); keys != names.keys_of_child.end() && step.kind != program::StepKind::remove)
    for (std::size_t index : keys->second)
      if (writes_any(foreign_keys[index].columns)) read(foreign_keys[index].parent, foreign_keys[index].parent_columns);
  if (const auto keys = names.keys_of_parent.find(target.name); keys != names.keys_of_parent.end())
    for (std::size_t index : keys->second)
      if (writes_any(foreign_keys[index].parent_columns)) read(foreign_keys[index].table, foreign_keys[index].columns);
}

}  // namespace bfl::check
