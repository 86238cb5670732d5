#include "interpreter/run/kept_origins.h"

#include <algorithm>

#include "interpreter/check/visit.h"

namespace bfl::run {
namespace {

using program::Expr;
using program::ExprKind;
using program::Relation;

void once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// SQL of the script's own says which tables it reads.
void add(std::vector<std::string>& names, const program::Program& program, program::TableRef ref) {
  const program::Query* query = program.query(ref);
  if (!query) {
    const Table& table = program.table(ref);
    if (table.view || table.virtual_table || table.inherited || table.partitioned) once(names, std::string(ledger::KeptOrigin::not_known));
    return once(names, table.name);
  }
  once(names, query->name);
  for (const program::ColumnUse& use : query->reads) add(names, program, use.table);
}

std::vector<std::string> tables_read(const program::Program& program, const program::Step& step) {
  std::vector<std::string> names;
  for (const program::ColumnUse& use : step.reads) add(names, program, use.table);
  if (!step.relation) return names;
  check::for_each(*step.relation, check::Seeing{[](const Expr&) {}, [&](const Relation& part) {
                                                  for (const program::Input& input : part.inputs)
                                                    if (input.table) add(names, program, *input.table);
                                                }});
  return names;
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

std::vector<ledger::KeptOrigin> kept_origins(const program::Program& program, const program::Step& step) {
  std::vector<ledger::KeptOrigin> all;
  if (step.kind == program::StepKind::snapshot && step.relation) {
    ledger::KeptOrigin& made = all.emplace_back();
    made.relation = program.table(step.target).name;
    made.tables = tables_read(program, step);
    // A table of another source may bear the same name.
    const Table* table = table_of_rows(program, *step.relation);
    if (table && step.relation->inputs[0].table->source == step.target.source) {
      made.rows_of = table->name;
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
    made.rows_of = target.name;
    for (const Column& column : target.columns)
      if (!column.recast) made.columns.emplace_back(column.name, column.name);
  }
  return all;
}

}  // namespace bfl::run
