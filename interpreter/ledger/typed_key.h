// A key as people type it, in the form in which the engine keeps it: so that it is found among images.
#pragma once
#include <string>
#include <string_view>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

// The value of one column. An error of class data, with this help, where it is no such value.
Result<Stored> typed_key(connect::Connector& target, const Table& table, int column, std::string_view typed, const std::string& help);

}  // namespace bfl::ledger
