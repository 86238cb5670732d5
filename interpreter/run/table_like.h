// A temporary table that takes the rows of another one: the same columns, defaults, computed columns, checks, keys and indexes; no
// triggers, no foreign keys.
#pragma once
#include "interpreter/base/catalogue.h"
#include "interpreter/connect/connector.h"

namespace bfl::run {

// Where it lies, as the catalogue would have it. `number` tells several apart.
Table table_like(const Table& table, const connect::Connector& source, std::size_t number);
// (in a transaction that may make tables) Empty. On SQLite without the indexes that statements of their own have made.
Result<void> make_table_like(connect::Connector& source, const Table& table, const Table& as);
// When the rows are there: on SQLite those indexes, on PostgreSQL the numbers that its defaults go on with.
Result<void> finish_table_like(connect::Connector& source, const Table& table, const Table& as);
std::string name_of(const Table& table, const connect::Connector& source);  // as statements say it

}  // namespace bfl::run
