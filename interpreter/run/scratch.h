// A database of a test's own: the tables of a source as its catalogue describes them, with the rows that the test gives.
//
// Tables have their columns, keys and not-null rules; foreign keys, checks and triggers are left out, so that a test gives the
// rows that it speaks of and no others. A view becomes a table. What a row does not say is null, or, where that may not be, the
// row's number in a key and nothing (0, "", false, 1970-01-01) elsewhere.
#pragma once
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::run {

// Creates the file. `rows` of other sources are passed over.
Result<void> make_scratch(const std::string& path, const program::Program& program, int source, const std::vector<program::TableRows>& rows);

// Every row of a table, each value by its column's type.
Result<std::vector<std::vector<Value>>> rows_of(connect::Connector& connector, const Table& table);

// How the rows differ from those that are expected: "orders id = 2: total is 10.00, expected 12.00".
std::vector<std::string> differences(const Table& table, const program::TableRows& expected, const std::vector<std::vector<Value>>& rows);

}  // namespace bfl::run
