// What was overwritten, out of the files of a database: values that were erased are in none of its rows any more, and their bytes still lie where
// the engine keeps what it has replaced.
#pragma once
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::ledger {

struct Swept {
  std::vector<std::string> left{};  // that still hold overwritten bytes, and what takes them out, a line each: to be swept again
  std::string beyond{};             // where they may be besides, which nothing here can reach
};
// Behind every redaction, and again as long as something is left: repeated, it does no harm. `relations`: bfl's own that have lost rows, as SQL
// names them, besides those with images.
Swept sweep(connect::Connector& target, const std::vector<std::string>& relations);

}  // namespace bfl::ledger
