// Of what a table is made, part by part, as its database says it: so that a kept plan can name what of it has changed.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::run {

// "column `total`" and what is said of it. Without a name: the table as a whole, which is another one when it was made anew.
using TableParts = std::map<std::string, std::string>;

// Columns, keys, checks, references from it and to it, triggers, rules and row security; empty: there is no such table. `schema` may be empty.
Result<TableParts> parts_of(connect::Connector& source, const std::string& schema, const std::string& table);

// "in `orders`, column `total` is another", one by one.
std::vector<std::string> differences(const std::string& table, const TableParts& then, const TableParts& now);

}  // namespace bfl::run
