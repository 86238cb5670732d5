// What `bfl plan` shows: measured against the live databases, without changing them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/run/access.h"
#include "interpreter/run/column_summary.h"
#include "interpreter/run/executor.h"

namespace bfl::run {

class PlanKeeper;

// Of one step.
struct Preview {
  Decision decision;
  std::int64_t would_change = -1;   // rows that would change now; -1: not counted (assertions, reused steps)
  std::int64_t table_rows = -1;
  std::string unknown;              // why nothing was counted: it reads what a program gives, which a plan does not call
  std::vector<std::string> sql;     // the statements as they would be sent
  std::vector<Access> accesses;     // how the statement that changes rows finds them, or that which reads what is to be changed
  std::vector<std::string> sample;  // a few rows: `id 17: total 10.00 -> 12.00`
  std::vector<ColumnSummary> columns;  // in step with the step's assignments; none where not all of the rows were looked at
  std::vector<std::string> shipped; // rows that are brought to where the step is computed: `list.rows (id, kind)`
  std::int64_t shipped_rows = -1;   // how many they are now; -1: not counted
  std::vector<LeftOut> left_out;    // rows that its clauses leave out now
  std::vector<Limit> limits;        // in step with the step's expectations
  std::string proof;                // guarded steps: the result of applying a sample twice
};
// `keeper`: puts what would be changed into a file.
std::vector<Preview> preview(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                             Clock& clock, Diagnostics& diagnostics, PlanKeeper* keeper = nullptr);

}  // namespace bfl::run
