// What `bfl plan` sees of one step that writes or keeps rows, by reading.
#pragma once
#include <functional>
#include <set>
#include <string>

#include "interpreter/run/preview.h"
#include "interpreter/run/spool.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {

// Where a temporary copy stands in for a table, what is shown speaks of the table, and what is computed reads the copy.
struct Look {
  const program::Program& job;      // what is written
  const program::Program& real;     // as it is lowered to be shown
  const program::Program& program;  // as it is computed
  const program::Step& step;
  connect::Connector& target;       // that computes
  const eval::Context evaluation;
  const std::set<std::string>* waiting = nullptr;  // keys of rows that were set aside, encoded: they would not change

  // A step that changes rows: how many, which, by which statements.
  Result<void> write(const plan::StepPlan& step_plan, Preview& preview);
  // The same of the very rows, where not all that match would change. `rows`: as they are planned, and counted.
  Result<void> look_through(Spool& rows, Preview& preview) const;
  // The last alone. `explains`: the database has all that they speak of, and can be asked how it would go about them.
  Result<void> statements(const plan::StepPlan& step_plan, Preview& preview, lower::Dialect computing, bool explains) const;
  // What a snapshot would hold, for the steps that read it: in front of what was kept before, on this connection only; or
  // beside, where the database has no tables for so long.
  Result<void> keep(Preview& preview, const std::vector<connect::Connector*>& targets, KeptAside& aside) const;
  // The tables of what later steps read of this one, empty.
  Result<void> keep_nothing(KeptAside& aside) const;
  // Adds rows to them, by the place of their effect in the step; valid for as long as this.
  using KeepRow = std::function<Result<void>(std::size_t effect, connect::RawRow row)>;
  Result<KeepRow> keeper(KeptAside& aside) const;

 private:
  Result<void> count_right(Preview& preview) const;
  class Shown;
  Result<void> look_through(const lower::IntentSet& sql, const lower::Statement& later, Preview& preview) const;
  bool waits(connect::RawRow key) const { return waiting && !waiting->empty() && waiting->contains(ledger::encode(ledger::key_of(key, key.size()))); }
  const Column& column_of(std::size_t assignment) const { return program.table(step.target).columns[static_cast<std::size_t>(step.assignments[assignment].column)]; }
  std::string key_name(const Table& table, std::size_t i) const;
  bool hides_key(std::size_t i) const;
  bool holds_tables() const { return target.engine() == "sqlite"; }
  Result<void> make(const lower::KeptTable& sql) const;
};

}  // namespace bfl::run
