// Relations that jobs have kept in the target (snapshots, what their steps did) and that hold a row, or may. What is erased from the ledger is
// erased there as well (redaction.h) where the ledger tells that a row of the relation is that row and no other (kept_origin.h), and its job
// has come to its end. All others are named: nothing is taken out of a relation because its columns bear the same names.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/named_table.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/ledger/typed_key.h"

namespace bfl::ledger {

struct KeptCopy {
  std::string relation;          // as SQL names it
  std::string job{};             // that keeps it; empty: none of the ledger
  std::string untold{};          // why it cannot be told whether it holds the row; empty: it does, in so many rows:
  std::string refusal{};         // what the database says of it; it may name the key
  std::int64_t rows = 0;
  std::string condition{};       // by which they are found, as SQL
  bool in_use = false;           // that job has not come to its end
  std::string where{};           // the condition with parameters, …
  std::vector<Stored> values{};  // … and their values
};
// Those that hold the row, or of which that cannot be told. `columns`: that are to be erased; none: all. A relation that is known to have none
// of them is passed over. `of_job`: of this job alone, by what the ledger tells. One that cannot be read keeps the others from nothing.
Result<std::vector<KeptCopy>> kept_copies(connect::Connector& target, const NamedTable& table, const TypedKey& key, const std::vector<std::string>& columns = {}, const std::optional<std::string>& of_job = {});
// (in a transaction) Takes the row out; gives how many rows. Nothing: the database does not let it be changed, or it is gone, and all is as it was.
Result<std::optional<std::int64_t>> take_out(connect::Connector& target, const KeptCopy& copy);

}  // namespace bfl::ledger
