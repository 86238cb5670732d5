// What the files that write the statements of writing steps share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/lower/writer.h"

namespace bfl::lower {

Result<SealedWrite> sealed_rows(const program::Program& program, const program::Step& step);  // update, delete
SealedWrite added_rows(const program::Program& program, const program::Step& step);           // insert, upsert
std::vector<Cascade> cascades(const program::Program& program, const program::Step& step);

// SELECT these columns of the rows that a step takes.
std::string selected(Writer& writer, const program::Program& program, const program::Step& step, const std::vector<int>& columns);

std::string listed(const std::vector<std::string>& parts, std::string_view between = ", ");
std::vector<std::string> parameters(std::size_t first, std::size_t count);  // ?first, …
// `(a, b) > (?1, ?2)`: SQLite walks an index by row values as by single ones.
std::string tuple_compare(const std::vector<std::string>& left, std::string_view op, const std::vector<std::string>& right);
std::string tuple_equal(const std::vector<std::string>& left, const std::vector<std::string>& right);
std::string tuple(const std::vector<std::string>& parts);  // `a`, `(a, b)`

}  // namespace bfl::lower
