// What `bfl plan` shows: measured against the live databases, without changing them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/run/access.h"
#include "interpreter/run/column_summary.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/judgement.h"
#include "interpreter/run/refusals.h"
#include "interpreter/run/trial.h"

namespace bfl::run {

class PlanKeeper;

// How long a step would take: its reading as it was measured and its rows as some of them took in a copy, but no less than the pace
// allows. Waits for others and for the disk at each commit are no part of it.
struct Estimate {
  double seconds = 0;
  std::optional<Trial> trial{};
  double pace = 0;                  // rows a second; 0: as fast as it can
};

// Of one step.
struct Preview {
  Decision decision;
  std::int64_t would_change = -1;   // rows that would change now; -1: not counted (assertions, reused steps)
  std::int64_t already_right = -1;  // of an update: rows that it takes, and that have their values; -1: not counted
  std::int64_t table_rows = -1;
  std::string unknown;              // why nothing was counted: "known once `x` has run"
  std::vector<std::string> on_top;  // steps whose changes it was looked at on top of
  std::vector<std::string> before;  // steps that will have changed what it looks at, and that it was looked at without
  std::string why_before;           // why not on top of those; empty: nobody tried
  Refusals refusals;                // rows of those that were counted that the database would not take
  std::int64_t set_aside_before = 0;  // rows that the generation that it goes on with has in quarantine
  bool left_out_whole = false;      // its `when` does not hold
  std::vector<Judgement> judgements;    // check, verify: in step with its assertions; none where they were not looked at
  std::vector<std::pair<program::TableRef, std::int64_t>> with_them;  // rows of other tables that go with those that would change, by table
  std::vector<std::string> sql;     // the statements as they would be sent
  std::vector<Access> accesses;     // how the statement that changes rows finds them, or that which reads what is to be changed
  std::vector<std::string> sample;  // a few rows: `id 17: total 10.00 -> 12.00`
  std::vector<ColumnSummary> columns;  // in step with the step's assignments; none where not all of the rows were looked at
  std::vector<std::string> shipped; // rows that are brought to where the step is computed: `list.rows (id, kind)`
  std::int64_t shipped_rows = -1;   // how many they are now; -1: not counted
  std::vector<LeftOut> left_out;    // rows that its clauses leave out now
  std::vector<Limit> limits;        // in step with the step's expectations
  double reading = 0;               // seconds that it took to count its rows
  std::optional<Estimate> estimate;
  std::string proof;                // guarded steps: the result of applying a sample twice
  bool proved = true;               // it is as it should be
};
// Rows of all tables that would change now, of what was counted.
inline std::int64_t rows_in_all(const Preview& preview) {
  std::int64_t rows = std::max<std::int64_t>(0, preview.would_change);
  for (const auto& [table, along] : preview.with_them) rows += along;
  return rows;
}
// Of the rows that the database would not take, how many the step may still put into quarantine.
inline std::int64_t may_set_aside(const program::Step& step, const Preview& preview) {
  return preview.refusals.before_all ? 0 : std::max<std::int64_t>(0, step.quarantine.value_or(0) - preview.set_aside_before);
}
// `keeper`: puts what would be changed into a file.
std::vector<Preview> preview(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                             Clock& clock, Diagnostics& diagnostics, PlanKeeper* keeper = nullptr);

}  // namespace bfl::run
