#include "interpreter/run/kept_origins.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "interpreter/check/visit.h"

namespace bfl::run {
namespace {

using program::Expr;
using program::ExprKind;
using program::Relation;
using ledger::TableName;

constexpr std::string_view kept_prefix = "bfl_kept_";  // of the names of kept_name.h

void once(std::vector<TableName>& names, const TableName& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// SQL of the script's own says which tables it reads.
void add(std::vector<TableName>& names, const program::Program& program, program::TableRef ref) {
  const program::Query* query = program.query(ref);
  if (!query) {
    const Table& table = program.table(ref);
    if (table.view || table.virtual_table || table.inherited || table.partitioned) once(names, {std::string(ledger::KeptOrigin::not_known)});
    return once(names, table.kept.empty() ? ledger::name_in_ledger(table) : TableName{table.name});
  }
  once(names, {query->name});
  for (const program::ColumnUse& use : query->reads) add(names, program, use.table);
}

std::vector<TableName> tables_read(const program::Program& program, const program::Step& step) {
  std::vector<TableName> names;
  // Of its target a step that adds rows reads which are there, unless it reads more of it.
  const bool adds = step.kind == program::StepKind::insert || step.kind == program::StepKind::upsert;
  for (const program::ColumnUse& use : step.reads)
    if (!adds || use.table != step.target) add(names, program, use.table);
  const check::Seeing seeing{[](const Expr&) {}, [&](const Relation& part) {
                               for (const program::Input& input : part.inputs)
                                 if (input.table) add(names, program, *input.table);
                             }};
  if (step.relation) check::for_each(*step.relation, seeing);
  for (const program::Assignment& assignment : step.assignments)
    if (assignment.value) check::for_each(*assignment.value, seeing);
  return names;
}

bool keeps(const program::Program& program, const program::Step& step, const std::string& relation) {
  return (step.kind == program::StepKind::snapshot && program.table(step.target).name == relation) ||
         std::any_of(step.effects.begin(), step.effects.end(), [&](const program::Effect& effect) { return program.table(effect.table).name == relation; });
}

// In place of a relation that the job keeps what that is made of: it may be made anew of something else later.
void add_behind(std::vector<TableName>& names, const program::Program& program, const program::Step& step, std::set<const program::Step*>& seen) {
  if (!seen.insert(&step).second) return;
  for (const TableName& name : tables_read(program, step)) {
    const auto maker = name.name.starts_with(kept_prefix) ? std::find_if(program.steps.begin(), program.steps.end(), [&](const program::Step& other) { return keeps(program, other, name.name); })
                                                          : program.steps.end();
    if (maker == program.steps.end()) {
      once(names, name);
      continue;
    }
    if (maker->kind != program::StepKind::snapshot) add(names, program, maker->target);
    add_behind(names, program, *maker, seen);
  }
}

// Each row of the relation is made of one row of this table, and of no other.
const Table* table_of_rows(const program::Program& program, const Relation& relation) {
  if (relation.inputs.size() != 1 || !relation.inputs[0].table || relation.grouped || relation.follow) return nullptr;
  const program::Input& input = relation.inputs[0];
  const Table& table = program.table(*input.table);
  if (input.sub || !input.united.empty() || input.elements || !table.kept.empty() || table.query >= 0 || table.view) return nullptr;
  bool alone = true;
  int relations = 0;
  check::for_each(relation, check::Seeing{[&](const Expr& expr) { alone &= expr.kind != ExprKind::window && expr.kind != ExprKind::subquery && expr.kind != ExprKind::aggregate; },
                                          [&](const Relation&) { ++relations; }});
  return alone && relations == 1 ? &table : nullptr;
}

}  // namespace

std::vector<TableName> tables_copied_from(const program::Program& program, const program::Step& step) {
  const bool adds = step.kind == program::StepKind::insert || step.kind == program::StepKind::upsert;
  if (step.kind == program::StepKind::remove || (step.row_local && !adds)) return {};
  std::vector<TableName> names;
  std::set<const program::Step*> seen;
  add_behind(names, program, step, seen);
  return names;
}

std::vector<ledger::KeptOrigin> kept_origins(const program::Program& program, const program::Step& step) {
  std::vector<ledger::KeptOrigin> all;
  if (step.kind == program::StepKind::snapshot && step.relation) {
    ledger::KeptOrigin& made = all.emplace_back();
    made.relation = program.table(step.target).name;
    made.tables = tables_read(program, step);
    // A table of another source may bear the same name.
    const Table* table = table_of_rows(program, *step.relation);
    if (table && step.relation->inputs[0].table->source == step.target.source) {
      made.rows_of = ledger::name_in_ledger(*table);
      for (const program::Field& field : step.relation->fields) {
        if (field.expr->kind != ExprKind::column || field.expr->input != step.relation->inputs[0].id) continue;
        const Column& column = table->columns[static_cast<std::size_t>(field.expr->column)];
        if (!column.recast) made.columns.emplace_back(field.name, column.name);
      }
    }
  }
  for (const program::Effect& effect : step.effects) {
    ledger::KeptOrigin& made = all.emplace_back();
    const Table& target = program.table(step.target);
    made.relation = program.table(effect.table).name;
    made.tables = tables_read(program, step);
    add(made.tables, program, step.target);
    if (!effect.from.empty()) continue;  // what it holds of the rows that caused it may be of any of them
    made.rows_of = ledger::name_in_ledger(target);
    for (const Column& column : target.columns)
      if (!column.recast) made.columns.emplace_back(column.name, column.name);
  }
  return all;
}

}  // namespace bfl::run
