// Which row it was: what is said of a row when data do not fit.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "interpreter/ledger/stored.h"
#include "interpreter/run/context.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {

// What failed is asked once more, where functions say at which row they fail. Gives the error with its row; unchanged where that
// cannot be found out, or is known. `asked`: the statements, in SQLite's words.
using Asked = std::function<Result<std::vector<lower::Statement>>(const program::Program& program)>;
Error with_row(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
               Error error, const Asked& asked, const KeptAside& aside = {});

Result<std::vector<lower::Statement>> rows_asked(const program::Program& program, const program::Step& step);  // of an update, insert, upsert or delete

// `sku = 'A', country = 'DE'`: a row of the step's target, by the key of the step's walk or of what it adds; of another table by the
// key of that.
std::string named(const program::Program& program, const program::Step& step, std::string_view other_table, const ledger::Key& key);

// Inserts and upserts: rows of the step's relation that become the row with this key of the target, the first two of them.
struct Cause {
  std::string row;                   // `id = 5`
  std::vector<std::string> values;   // of the assignments
};
std::vector<Cause> causes_of(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                             const std::vector<lower::Wire>& key_wires, const ledger::Key& key);

// Says of a refusal what the database leaves out: which columns refer to which table.
void tell_references(const program::Program& program, const program::Step& step, Error& error);
// One thing to do about a value that does not fit; empty: nobody knows.
const char* help_with(std::string_view message);

}  // namespace bfl::run
