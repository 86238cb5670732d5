// One row by its key: read, changed, added, deleted, with every value as the engine stores it. What puts rows back.
#pragma once
#include <string>
#include <vector>

#include "interpreter/lower/sql.h"

namespace bfl::lower {

struct KeyedWrite {
  Statement read;         // SELECT every column;  binds: key
  Statement change;       // UPDATE … SET the assigned columns;  binds: values, then key
  Statement add;          // INSERT …;  binds: values of `added`
  Statement remove;       // DELETE …;  binds: key
  std::vector<int> added; // columns that are not generated
  struct Referring { std::string table; std::vector<int> columns; Statement any; };
  std::vector<Referring> referring;  // SELECT 1 from rows that refer to the row;  binds: its columns
};

// Of the step's target, by its walk. `beside`: of a table beside the one that is observed, so that what is changed shows whole rows
// where the engine's images are of the assigned columns else.
KeyedWrite keyed_write(const program::Program& program, const program::Step& step, Dialect dialect, bool beside = false);

// SELECT every column of every row, as they are stored.
Statement whole_table(const program::Program& program, program::TableRef table, Dialect dialect);

// The columns that an update's images show as they are after it (Shows::updates), in that order: those that the step sets; on
// PostgreSQL also those that the server computes from others, which may change with them.
std::vector<int> shown_after(const program::Program& program, const program::Step& step, Dialect dialect);

}  // namespace bfl::lower
