// The row that `SOURCE.TABLE KEY [JOB.bfl]` names, behind the verb of `bfl audit`.
#pragma once
#include "interpreter/cli/source_named.h"
#include "interpreter/ledger/named_table.h"
#include "interpreter/ledger/typed_key.h"

namespace bfl::cli {

struct NamedRow {
  ledger::NamedTable table;  // with the name of `--was`
  ledger::TypedKey key;
};
// A key as it is typed, by the types of these columns.
Result<ledger::TypedKey> key_typed(connect::Connector& target, const Table& table, const std::vector<int>& columns, std::string_view typed);
// Opens the source into `session`, alone. On failure the session has diagnostics, or the error says it.
Result<NamedRow> row_named(Session& session, const Arguments& arguments, Access access);

// Its rows are known by what is sensitive: their keys are not shown.
bool hides_keys(const Table& table);

}  // namespace bfl::cli
