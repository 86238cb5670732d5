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

Result<SealedWrite> sealed_write(const program::Program& program, const program::Step& step, Dialect dialect) {
  if (dialect == Dialect::postgres) return postgres::sealed_write(program, step);
  if (program::adds_rows(step.kind)) return added_rows(program, step);
  auto write = sealed_rows(program, step);
  if (write) write->cascades = cascades(program, step);
  return write;
}

}  // namespace bfl::lower
