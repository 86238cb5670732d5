// Tables as wholes: their rows copied from one database to another of the same kind, and whether two states of one are the same.
#pragma once
#include <cstdint>

#include "interpreter/base/digest.h"
#include "interpreter/connect/connector.h"

namespace bfl::run {

// What the rows of a table come to, wherever they lie: the same for the same rows, each as often.
struct TableFigures {
  std::int64_t rows = 0;
  Digest sum{};              // of the digests of its rows, modulo 2^256
  friend bool operator==(const TableFigures&, const TableFigures&) = default;
};
// (in a read where one is under way) In constant memory.
Result<TableFigures> figures_of(connect::Connector& connector, const program::Program& program, program::TableRef table);

// Adds the rows of a table to the table of that name in `to`, the first `most` of them by its key; negative: all. Gives how many.
Result<std::int64_t> copy_rows(connect::Connector& from, const program::Program& program, program::TableRef table, connect::Connector& to, const Catalogue& there, std::int64_t most);

}  // namespace bfl::run
