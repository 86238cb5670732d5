// What the files that write the statements of writing steps share.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/lower/writer.h"

namespace bfl::lower {

// Of updates and deletes.
Result<IntentSet> changed_rows(const program::Program& program, const program::Step& step, bool shipped_images);
Hands changing_hands(const program::Program& program, const program::Step& step);
Result<Statement> recomputed(const program::Program& program, const program::Step& step);
// Of inserts and upserts.
IntentSet added_rows(const program::Program& program, const program::Step& step, bool shipped_images);
Hands adding_hands(const program::Program& program, const program::Step& step);
// Of what hangs on rows that are deleted.
std::vector<CascadeSet> cascading_rows(const program::Program& program, const program::Step& step, bool shipped_images);
std::vector<Hand> cascading_hands(const program::Program& program, const program::Step& step);

// ` AND NOT EXISTS (…)` for each table whose rows refer to `row`, one of `table`: so long as they do, it stays. Rows of `table` itself may
// go later in the same transaction. `name` says a table.
std::string unless_referred_to(const Catalogue& catalogue, const Table& table, std::string_view row, const std::function<std::string(const Table&)>& name);

// SELECT these columns of the rows that a step takes.
std::string selected(Writer& writer, const program::Program& program, const program::Step& step, const std::vector<int>& columns);

std::string listed(const std::vector<std::string>& parts, std::string_view between = ", ");
std::vector<std::string> parameters(std::size_t first, std::size_t count);  // ?first, …
// `(a, b) > (?1, ?2)`: SQLite walks an index by row values as by single ones.
std::string tuple_compare(const std::vector<std::string>& left, std::string_view op, const std::vector<std::string>& right);
std::string tuple_equal(const std::vector<std::string>& left, const std::vector<std::string>& right);
std::string tuple(const std::vector<std::string>& parts);  // `a`, `(a, b)`

}  // namespace bfl::lower
