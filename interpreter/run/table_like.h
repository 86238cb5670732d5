// A temporary table that takes the rows of another one: the same columns, defaults, computed columns, checks, keys and indexes, by the
// same names; no triggers, no foreign keys.
#pragma once
#include <functional>

#include "interpreter/base/catalogue.h"
#include "interpreter/check/program.h"
#include "interpreter/connect/connector.h"

namespace bfl::run {

// Where it lies, as the catalogue would have it. `number` tells several apart.
Table table_like(const Table& table, const connect::Connector& source, std::size_t number);
// (in a transaction that may make tables) Empty. On SQLite without the indexes that statements of their own have made. `adds`: rows
// are to be added to it, and take its defaults.
Result<void> make_table_like(connect::Connector& source, const Table& table, const Table& as, bool adds);
// PostgreSQL: event triggers would run, and might write, where a table is made: an error of class refused.
Result<void> nobody_watches(connect::Connector& source);
Result<std::int64_t> bytes_of(connect::Connector& source, const Table& table);  // PostgreSQL: on its disk
bool is_postgres(const connect::Connector& source);
// What a program says of its tables, without its steps: to be changed where copies stand in for some.
program::Program tables_of(const program::Program& program);
// Fills it with rows that are there, whatever they are to the checks of their table.
Result<void> while_filling(connect::Connector& source, const std::function<Result<void>()>& fill);
// When the rows are there: on SQLite those indexes, on PostgreSQL the numbers that its defaults go on with.
Result<void> finish_table_like(connect::Connector& source, const Table& table, const Table& as);
std::string name_of(const Table& table, const connect::Connector& source);  // as statements say it

// SQLite: what a row of a copy refers to is no copy. For as long as this lives, outside of transactions only.
class WithoutReferences {
 public:
  explicit WithoutReferences(connect::Connector& source);
  ~WithoutReferences();
  WithoutReferences(const WithoutReferences&) = delete;
  WithoutReferences& operator=(const WithoutReferences&) = delete;

 private:
  connect::Connector* source_;
};

}  // namespace bfl::run
