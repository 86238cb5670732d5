// The proof of a guarded step, on rows of its own, in memory: the target is only read.
#include <fmt/format.h>

#include "interpreter/run/context.h"

namespace bfl::run {
namespace {

constexpr std::size_t sample_rows = 1'000;

struct Part {
  std::unique_ptr<eval::Compiled> program;
  std::vector<int> columns;   // of the table, for each slot

  eval::Outcome of(const std::vector<Value>& row) const {
    std::vector<Value> slots;
    for (int column : columns) slots.push_back(row[static_cast<std::size_t>(column)]);
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

Result<std::optional<std::string>> disproof(const program::Program& program, const program::Step& step, connect::Connector& target, const eval::Context& evaluation) {
  if (!step.row_local) return std::optional<std::string>{};  // check/ lets only row-local steps be guarded
  auto sql = lower::sealed_update(program, step, lower::Dialect::sqlite);
  if (!sql) return sql.error();
  auto select = target.prepare(sql->select, evaluation);
  if (!select) return select.error();
  const std::size_t keys = std::max<std::size_t>(step.walk.size(), 1), columns = program.table(step.target).columns.size();

  std::vector<Part> filters, values;
  for (const program::Filter& filter : step.relation->filters) filters.push_back(part(filter.condition, evaluation));
  for (const program::Assignment& assignment : step.assignments) values.push_back(part(assignment.value, evaluation));

  std::optional<std::string> broken;
  Result<void> sound;
  std::size_t seen = 0;
  auto read = (*select)->query_raw({}, [&](connect::RawRow raw) {
    std::vector<Value> row(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      auto value = target.decode(raw[keys + i], sql->select.columns[keys + i]);
      // A column that the step does not touch may hold what its type does not allow: it plays no part here.
      if (value) row[i] = std::move(*value);
    }
    for (std::size_t i = 0; i < step.assignments.size(); ++i) {
      auto value = target.decode(raw[keys + columns + i], sql->select.columns[keys + columns + i]);
      if (!value) {
        sound = value.error();
        return false;
      }
      row[static_cast<std::size_t>(step.assignments[i].column)] = std::move(*value);
    }
    bool matches = true;
    for (std::size_t i = 0; i < filters.size() && matches; ++i) matches = truth(filters[i].of(row)) != step.relation->filters[i].skip;
    for (std::size_t i = 0; matches && i < values.size(); ++i) {
      const eval::Outcome second = values[i].of(row);
      const Value* value = std::get_if<Value>(&second);
      const Value& first = row[static_cast<std::size_t>(step.assignments[i].column)];
      if (value && equal(*value, first)) continue;
      broken = fmt::format("a second run would change the row with key {} again: `{}` from {} to {}", ledger::display(ledger::key_of(raw, keys)),
                           program.table(step.target).columns[static_cast<std::size_t>(step.assignments[i].column)].name, to_literal(first),
                           value ? to_literal(*value) : "an error");
      return false;
    }
    return ++seen < sample_rows;
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return broken;
}

}  // namespace bfl::run
