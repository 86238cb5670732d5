// A database of a test's own: the tables of a source as its catalogue describes them, with the rows that the test gives.
//
// Tables have their columns, defaults, keys and not-null rules; foreign keys, checks and triggers are left out, so that a test gives
// the rows that it speaks of and no others. A view becomes a table. What a row does not say is null, or, where that may not be, the
// row's number in a key and nothing (0, "", false, 1970-01-01, an enum's first label) elsewhere.
#pragma once
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::run {

// Whether a test knows this table: neither one that bfl keeps nor a virtual one of SQLite.
bool in_scratch(const Catalogue& catalogue, const Table& table);

// Fills a place of a test's own: a file, which is made, or an address at which the tables are already (connect/postgres_scratch.h).
// `like`: the source itself, which is read for the defaults of columns; null: there are none. `rows` of other sources are passed over.
Result<void> make_scratch(const std::string& url, const program::Program& program, int source, connect::Connector* like, const std::vector<program::TableRows>& rows);

// Every row of a table, each value by its column's type.
Result<std::vector<std::vector<Value>>> rows_of(connect::Connector& connector, const program::Program& program, program::TableRef table);

}  // namespace bfl::run
