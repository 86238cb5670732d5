// SQL as PostgreSQL's own parser reads it (libpg_query), and what is striking about it. Nothing is resolved: there is no database.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bfl::lint {

enum class Striking : std::uint8_t {
  whole_update, whole_delete,   // without WHERE
  other_statement,              // neither reads nor changes rows: DDL, of the session
  makes_table,                  // SELECT … INTO
  call,                         // `name`
  clock,                        // CURRENT_TIMESTAMP and its like
  limit_without_order,
  not_in_select,
  equals_null,
};

struct Sight {
  Striking what{};
  std::size_t offset = 0;       // in bytes of the text
  std::string name{};           // of the table, the function, the kind of statement
};

struct SqlReading {
  std::string problem{};        // PostgreSQL's words where it does not parse
  std::size_t offset = 0;       // of the problem
  std::vector<Sight> sights{};
};
SqlReading read_postgres_sql(const std::string& text);

}  // namespace bfl::lint
