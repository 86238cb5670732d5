// Functions over a window: SQLite's own where they rank, fused aggregates where only bfl sums exactly.
#include <fmt/format.h>

#include "interpreter/eval/evaluate.h"
#include "interpreter/lower/shape.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::WindowFunction;

Sql Writer::window(const program::Expr& expr) {
  const program::Window& window = *expr.window;
  std::string over;
  for (const auto& key : window.partition) over += (over.empty() ? "PARTITION BY " : ", ") + sortable(key);
  if (!window.order.empty()) over += (over.empty() ? "" : " ") + order_by(window.order);
  if (window.running) over += " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
  const auto placed = [&](const std::string& called) { return fmt::format("{} OVER ({})", called, over); };
  const Wire whole = wire_of(Type{Kind::integer});
  switch (window.function) {
    case WindowFunction::row_number: return {placed("row_number()"), whole};
    case WindowFunction::rank: return {placed("rank()"), whole};
    case WindowFunction::dense_rank: return {placed("dense_rank()"), whole};
    case WindowFunction::lag:
    case WindowFunction::lead: {
      Sql sql = value(expr.args[0]);
      sql.text = placed(fmt::format("{}({}, {})", window.function == WindowFunction::lag ? "lag" : "lead", sql.text, window.distance));
      sql.wire.type.nullable = true;
      return sql;
    }
    case WindowFunction::aggregate: break;
  }
  if (expr.aggregate->kind == program::AggregateKind::fold) {
    Sql sql = fold(*expr.aggregate, expr.type);
    sql.text = placed(sql.text);
    return sql;
  }
  Sql sql = aggregate(*expr.aggregate, expr.aggregate->operand, expr.type, true);
  sql.text = placed(sql.text);
  return sql;
}

// The value to begin with, and what is read of each row; `so_far` is the function's own.
Sql Writer::fold(const program::Aggregate& given, const Type& type) {
  Fused function;
  function.is_aggregate = function.folds = true;
  function.so_far = given.so_far;
  function.expr = given.operand;
  function.result = wire_of(type);
  std::vector<Sql> arguments{{value_as(given.start, function.result), function.result}};
  function.labels.emplace_back();
  std::vector<program::ExprPtr> read;
  const auto compiled = eval::compile(given.operand, {});
  for (const eval::Slot& slot : compiled->slots()) {
    if (slot.expr->kind == program::ExprKind::column && slot.expr->input == given.so_far) continue;
    arguments.push_back(value(slot.expr));
    function.labels.push_back(label(*slot.expr));
    read.push_back(slot.expr);
  }
  return {call(std::move(function), std::move(arguments), "fold " + function_shape(*given.operand), read), wire_of(type)};
}

}  // namespace bfl::lower
