// Relations that jobs have kept in the target (snapshots, what their steps did) and that hold a row, or may. What is erased from the ledger is
// erased there as well (redaction.h), unless a job that has not come to its end may go on by it, or nobody can tell which rows it is in.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

struct KeptCopy {
  std::string relation;       // as SQL names it
  std::int64_t rows = 0;      // that bear the key; 0: it has columns of the table, and none of its key
  std::string missing{};      // the column of the key that it has not, or by whose values it cannot be asked
  bool untold = false;        // the latter
  std::string condition{};    // by which they are found, as SQL
  std::string job{};          // that keeps it; empty: none of the ledger
  bool in_use = false;        // that job has not come to its end
  bool named = false;         // it has one of the columns that are asked for, by that name
  std::string where{};        // the condition with parameters, …
  std::vector<std::string> values{};  // … and their values, as texts
};
// `columns`: that are to be erased; none: all. A relation without them, of columns of the table alone, is passed over.
Result<std::vector<KeptCopy>> kept_copies(connect::Connector& target, const Table& table, const Key& key, const std::vector<std::string>& columns = {});
// (in a transaction) Takes the row out; gives how many rows. Nothing: the database does not let it be changed, and it is as it was.
Result<std::optional<std::int64_t>> take_out(connect::Connector& target, const KeptCopy& copy);

}  // namespace bfl::ledger
