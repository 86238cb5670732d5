// Relations that jobs have kept in the target (snapshots, what their steps did) and that hold a row, or may: what is erased from the ledger
// is not erased there, because a job that is not finished goes on by them.
#pragma once
#include <cstdint>
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
};
Result<std::vector<KeptCopy>> kept_copies(connect::Connector& target, const Table& table, const Key& key);

}  // namespace bfl::ledger
