// What the script says in SQL, relations and statements: whether their databases give, read and write what the script declares.
#pragma once
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/check/program.h"
#include "interpreter/connect/connector.h"

namespace bfl::run {

// Asks each database, without running anything: the columns, their types, the tables that are read. What differs is an error.
void compare_queries(const program::Program& program, const std::vector<connect::Connector*>& sources, Diagnostics& diagnostics);

// Within a read: an error of class data that names the row which is not as declared: null where none may be, a key that is not alone.
Result<void> rows_fit(const program::Program& program, const program::Query& query, connect::Connector& source, const eval::Context& evaluation);

}  // namespace bfl::run
