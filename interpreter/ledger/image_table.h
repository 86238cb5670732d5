// The tables that a step changes, as they were when it was opened: images are values by position, and years later the table
// may have other columns.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/ledger/named_table.h"

namespace bfl::ledger {

struct ImageTable {
  std::string name;                  // as the catalogue spells it
  std::vector<std::string> columns;  // in table order
  std::vector<int> key;              // columns by which a row is known; empty: the table has no such key
  std::vector<int> sets{};           // columns that the step sets
  std::string schema{};              // where it lay; empty: as in TableName
  // Its key, in the order in which the table has it now. Nothing: it was another one then.
  std::optional<std::vector<int>> key_as_now(const Table& table) const;
  TableName named() const { return {name, schema}; }
  bool key_moves() const;            // one of them is of the key
};

std::string describe(const std::vector<ImageTable>& tables);
// Empty when the text is none: of an entry that was too long for it.
std::vector<ImageTable> described_tables(std::string_view text);

}  // namespace bfl::ledger
