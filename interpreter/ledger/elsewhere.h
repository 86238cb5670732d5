// Where values of a row may lie besides its own images and what jobs keep of it, as far as the ledger tells: under another name of its table, in
// what steps made of it, in plans that were kept.
#pragma once
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/named_table.h"
#include "interpreter/ledger/typed_key.h"

namespace bfl::ledger {

struct Elsewhere {
  std::vector<std::string> renamed{};  // images, and relations that jobs keep, of tables that are not there any more, and that look like this one
  std::vector<std::string> made{};     // steps that have read it, or what was kept of it, for what they wrote into other rows, and plans
};
// A line each. `tables`: of the catalogue.
Result<Elsewhere> elsewhere(connect::Connector& target, const NamedTable& table, const TypedKey& key, const std::vector<Table>& tables);

}  // namespace bfl::ledger
