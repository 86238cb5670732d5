#include "interpreter/lower/writing.h"

#include <fmt/format.h>

#include "interpreter/lower/postgres.h"

namespace bfl::lower {

std::string listed(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : std::string(between)) + part;
  return text;
}

std::vector<std::string> parameters(std::size_t first, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("?{}", first + i));
  return names;
}

std::string tuple(const std::vector<std::string>& parts) { return parts.size() == 1 ? parts[0] : fmt::format("({})", listed(parts)); }

std::string tuple_compare(const std::vector<std::string>& left, std::string_view op, const std::vector<std::string>& right) {
  return fmt::format("{} {} {}", tuple(left), op, tuple(right));
}

std::string tuple_equal(const std::vector<std::string>& left, const std::vector<std::string>& right) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < left.size(); ++i) parts.push_back(fmt::format("{} = {}", left[i], right[i]));
  return listed(parts, " AND ");
}

Result<Intents> intents(const program::Program& program, const program::Step& step, Dialect dialect, bool shipped_images) {
  if (dialect == Dialect::postgres) return postgres::intents(program, step);
  if (program::adds_rows(step.kind)) return Intents{added_rows(program, step, shipped_images), {}};
  auto own = changed_rows(program, step, shipped_images);
  if (!own) return own.error();
  return Intents{std::move(*own), cascading_rows(program, step, shipped_images)};
}

Hands hands(const program::Program& program, const program::Step& step, Dialect dialect) {
  if (dialect == Dialect::postgres) return postgres::hands(program, step);
  if (program::adds_rows(step.kind)) return adding_hands(program, step);
  Hands hands = changing_hands(program, step);
  hands.cascades = cascading_hands(program, step);
  return hands;
}

Result<Statement> recompute(const program::Program& program, const program::Step& step, Dialect dialect) {
  if (step.idempotence != program::Idempotence::once || step.kind != program::StepKind::update) return Statement{};
  return dialect == Dialect::postgres ? postgres::recompute(program, step) : recomputed(program, step);
}

Result<Statement> stored_rows(const program::Program& program, const program::Relation& rows, const std::vector<int>& columns, Dialect dialect) {
  if (dialect == Dialect::postgres) return postgres::stored_rows(program, rows, columns);
  Writer writer(program);
  const std::string from = writer.body(rows);
  std::vector<std::string> list;
  for (const int column : columns) list.push_back(writer.anchor_column(rows, column));
  Statement statement = writer.finish(fmt::format("SELECT {}{}", listed(list), from));
  statement.many = true;
  return statement;
}

}  // namespace bfl::lower
