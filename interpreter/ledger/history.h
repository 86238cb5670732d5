// The history of one row: every change that bfl made to it, out of the packs that the index of keys names.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/redaction.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

struct RowEvent {
  char kind = 'u';                                     // 'u', 'i', 'd'
  std::map<std::string, std::string, std::less<>> facts;    // of the entry: job, step, generation, run, who, host, time, version, …
  std::map<std::string, std::string, std::less<>> opening;  // of the entry that opened the generation: why, ticket, statement_text, …;
                                                            // where a kept plan did, its digest as `plan`, and `approved_by`
  std::int64_t lane = 0, seq = 0;
  bool cascade = false;                                // went with a row of another table
  bool in_between = false;                             // it was changed once more in the same chunk (in_between.h)
  struct Column { std::string name; std::optional<Stored> before, after; bool erased = false; };
  std::vector<Column> columns;                         // updates: those that changed; else all
  bool erased = false;                                 // something of it was: what is left hangs on no leaf of its pack, and on the word of whoever erased the rest
  std::optional<Redaction> redaction{};                // the newest of them
};

struct History {
  std::vector<RowEvent> events{};  // oldest first
  std::set<std::string> untold{};     // jobs with images that may be of the row, while the ledger does not tell of which table of that name they are
  std::set<std::string> other_key{};  // jobs that have changed rows of the table when it had another key
};
// `key` in the order of the key's columns: a row whose key was changed is found by either. An error of class refused when an entry or a pack
// on the way does not hold.
Result<History> history(connect::Connector& target, const NamedTable& table, const TypedKey& key);

}  // namespace bfl::ledger
