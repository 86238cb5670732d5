// Which of the tables that a ledger names is one of the catalogue. A ledger names tables as the role that changed them saw them: by their bare
// names where its search path showed them, by schema and name else; another role may see another table under that name.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

// As a ledger has it. `schema`: where it lay; empty: an older bfl has not told, or the engine has none.
struct TableName {
  std::string name, schema{};
  friend bool operator==(const TableName&, const TableName&) = default;
};
TableName name_in_ledger(const Table& table);

enum class Same { no, yes, untold };

struct NamedTable {
  Table table;
  std::string was{};      // a name that it bore, by the word of whoever asks
  bool only_one = true;   // no other schema has a table of its name

  // Untold: it bears the name of several tables, and the ledger has not kept which of them it is.
  Same is(const TableName& named) const;
  std::vector<std::string> names() const;  // under which a ledger may have it
  Table called() const;                    // as it was called then
  std::string relation() const { return table.relation.empty() ? table.name : table.relation; }  // its name in its schema
};
Result<NamedTable> named_table(connect::Connector& target, const Table& table, const std::string& was = {});

}  // namespace bfl::ledger
