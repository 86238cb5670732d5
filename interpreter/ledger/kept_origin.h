// Of what a relation that a job keeps was made, as the entry of the step that made it tells.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/ledger/named_table.h"

namespace bfl::ledger {

struct KeptOrigin {
  static constexpr std::string_view not_known = "?";  // of `tables`: what lies behind a view, a foreign or virtual table, or a table of parts
  std::string relation;             // the name of its table, `bfl_kept_…`
  std::vector<TableName> tables;    // all that its rows were made of; of other kept relations the names of their tables
  TableName rows_of{};              // each of its rows was made of one row of this table, and of nothing else; without a name: joined, grouped, …
  std::vector<std::pair<std::string, std::string>> columns{};  // that hold a column of `rows_of` as it was: its name here, and there
};

std::string describe(const std::vector<TableName>& tables);
std::string describe(const std::vector<KeptOrigin>& origins);
// Nothing when the text is none: of an entry that was too long for it, or of an older bfl.
std::optional<std::vector<TableName>> described_names(std::string_view text);
// Empty when the text is none: of an entry that was too long for it, or of an older bfl.
std::vector<KeptOrigin> described_origins(std::string_view text);

}  // namespace bfl::ledger
