// The proof of a guarded step without a place to keep a copy in: its rows are applied and looked at again by the evaluator. Of a
// step that reads more than its own row the walk's end is the proof; see direct.cpp.
#include <fmt/format.h>

#include "interpreter/run/discreet.h"

namespace bfl::run {
namespace {

constexpr std::int64_t sample_rows = 1'000;

struct Part {
  std::unique_ptr<eval::Compiled> program;
  std::vector<int> columns;   // of the table, for each slot

  eval::Outcome of(const std::vector<Value>& row) const {
    std::vector<Value> slots;
    for (const int column : columns) slots.push_back(row[static_cast<std::size_t>(column)]);
    return program->run(slots);
  }
};

Part part(const program::ExprPtr& expr, const eval::Context& evaluation) {
  Part made{eval::compile(expr, evaluation), {}};
  for (const eval::Slot& slot : made.program->slots()) made.columns.push_back(slot.expr->column);
  return made;
}

bool truth(const eval::Outcome& outcome) {
  const Value* value = std::get_if<Value>(&outcome);
  const bool* flag = value ? std::get_if<bool>(&value->data) : nullptr;
  return flag && *flag;
}

}  // namespace

Result<Proof> prove_in_memory(const program::Program& program, const program::Step& step, connect::Connector& target,
                    const eval::Context& evaluation) {
  Proof proof;
  if (!step.row_local) return proof;
  const auto sql = lower::intents(program, step, lower::Dialect::postgres, false);
  if (!sql) return sql.error();
  auto select = target.prepare(sql->own.select, evaluation);
  if (!select) return select.error();
  const Table& table = program.table(step.target);
  const std::size_t keys = std::max<std::size_t>(step.walk.size(), 1), columns = table.columns.size();

  std::vector<Part> filters, values;
  for (const program::Filter& filter : step.relation->filters) filters.push_back(part(filter.condition, evaluation));
  for (const program::Assignment& assignment : step.assignments) values.push_back(part(assignment.value, evaluation));

  Result<void> sound;
  std::vector<Value> row(columns);
  auto read = (*select)->query_raw({}, [&](connect::RawRow raw) {
    for (std::size_t i = 0; i < columns; ++i) {
      // A column that the step does not touch may hold what its type does not allow: it plays no part here.
      auto value = target.decode(raw[keys + i], sql->own.select.columns[keys + i]);
      row[i] = value ? std::move(*value) : Value();
    }
    // The first application, as the database would store it.
    for (std::size_t i = 0; i < step.assignments.size() && sound; ++i) {
      auto value = target.decode(raw[keys + columns + i], sql->own.select.columns[keys + columns + i]);
      if (value) row[static_cast<std::size_t>(step.assignments[i].column)] = std::move(*value);
      else sound = value.error();
    }
    bool matches = bool(sound);
    for (std::size_t i = 0; i < filters.size() && matches; ++i) matches = truth(filters[i].of(row)) != step.relation->filters[i].skip;
    for (std::size_t i = 0; i < values.size() && matches && proof.broken.empty(); ++i) {
      const eval::Outcome second = values[i].of(row);
      const Value* value = std::get_if<Value>(&second);
      const auto column = static_cast<std::size_t>(step.assignments[i].column);
      if (value && equal(*value, row[column])) continue;
      proof.broken =
          fmt::format("a second run would change the row with key {} again: `{}` from {} to {}", display_key(program, step, ledger::key_of(raw, keys)),
                      table.columns[column].name, literal(table.columns[column], row[column]), value ? literal(table.columns[column], *value) : "an error");
    }
    return sound && proof.broken.empty() && ++proof.rows < sample_rows;
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return proof;
}

}  // namespace bfl::run
