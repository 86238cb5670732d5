// What a statement gives and touches: SQLite tells its authorizer, while it compiles, every column that would be read or written.
#include <algorithm>

#include "interpreter/connect/sqlite_connection.h"
#include "interpreter/connect/sqlite_types.h"
#include "interpreter/connect/sqlite_values.h"

namespace bfl::connect::sqlite {
namespace {

void note(std::vector<Description::Use>& uses, const char* schema, const char* table, const char* column) {
  if (!table) return;
  auto found = std::find_if(uses.begin(), uses.end(), [&](const Description::Use& use) { return use.names[0].table == table; });
  if (found == uses.end()) found = uses.insert(uses.end(), {.names = {{schema ? schema : "main", table}}});
  if (!column || !*column) return;
  if (std::find(found->columns.begin(), found->columns.end(), column) == found->columns.end()) found->columns.emplace_back(column);
}

// What stands behind a view or in a trigger is theirs, and not in the text.
int see(void* into, int action, const char* first, const char* second, const char* schema, const char* within) {
  auto& description = *static_cast<Description*>(into);
  if (within) return SQLITE_OK;
  switch (action) {
    case SQLITE_READ: note(description.reads, schema, first, second); break;
    case SQLITE_UPDATE: note(description.writes, schema, first, second); break;
    case SQLITE_INSERT:
    case SQLITE_DELETE: note(description.writes, schema, first, nullptr); break;
    default: break;
  }
  return SQLITE_OK;
}

}  // namespace

Result<Description> Connection::describe(const lower::Statement& lowered, const eval::Context&, std::span<const std::string>) {
  Description description;
  sqlite3_set_authorizer(db_.get(), see, &description);
  auto statement = compile(lowered.text);
  sqlite3_set_authorizer(db_.get(), nullptr, nullptr);
  if (!statement) return statement.error();
  for (int i = 0; i < sqlite3_column_count(statement->get()); ++i) {
    const char *name = sqlite3_column_name(statement->get(), i), *declared = sqlite3_column_decltype(statement->get(), i);
    Column column{.name = name ? name : "", .declared = declared ? declared : ""};
    if (declared) type_by_declaration(column);
    description.columns.push_back(std::move(column));
  }
  return description;
}

}  // namespace bfl::connect::sqlite
