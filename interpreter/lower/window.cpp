// Functions over a window: SQLite's own where they rank, fused aggregates where only bfl sums exactly.
#include <fmt/format.h>

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
  Sql sql = aggregate(*expr.aggregate, expr.aggregate->operand, expr.type, true);
  sql.text = placed(sql.text);
  return sql;
}

}  // namespace bfl::lower
