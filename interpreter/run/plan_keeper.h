// Keeps a plan while `bfl plan` looks at the job: which steps it can hold, and their rows.
//
// A plan is made before anything is changed. It holds a step whose rows do not depend on what another step of the plan changes;
// what does is left to a plan that is made when this one has been carried out.
#pragma once
#include <map>
#include <vector>

#include "interpreter/run/as_left.h"
#include "interpreter/run/intended.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/row_spool.h"

namespace bfl::run {

class PlanKeeper {
 public:
  explicit PlanKeeper(PlanWriter& file) : file_(file) {}

  // What can be said of each step before it is looked at.
  void take_stock(const program::Program& program, const plan::Plan& plan, const std::vector<Decision>& decisions, Diagnostics& diagnostics);
  bool holds(std::size_t step) const { return states_[step].planned == Planned::rows || states_[step].planned == Planned::statement; }
  void leave_out(std::size_t step);
  Result<void> keep(std::size_t index, Spool& rows);                                           // of a step that writes
  Result<void> keep_rows(std::size_t index, const RowSpool& rows);                             // of a snapshot
  Result<void> keep_table(std::size_t index, connect::Connector& target, const Table& table);  // the same, where they lie in a table
  void measured(std::size_t index, std::string text) { states_[index].measured = std::move(text); }

  // Of the steps that write or keep rows.
  std::vector<PlannedStep> steps() const;
  bool holds_any() const;
  Timestamp clock{};                   // now() of the values

 private:
  void put_off(std::size_t step, std::string why);  // to a later plan
  PlanWriter& file_;
  const program::Program* program_ = nullptr;
  std::vector<PlannedStep> states_{};  // in step with the program's; those that only assert have no name
  std::map<program::TableRef, AsLeft> as_left_{};  // tables whose rows several steps of the plan change
};

}  // namespace bfl::run
