// The stages of a step's rollout: which one it is in, and what has to be so before the next.
//
// The ledger tells where the step is: a stage is begun by an entry that opens its lanes, passed by one that says that its guards held,
// approved by one of whoever approves. Percentages are those of the text; where a stage that was begun ends is kept with it.
#pragma once
#include <optional>

#include "interpreter/ledger/stages.h"
#include "interpreter/run/writing.h"

namespace bfl::run {

inline constexpr std::string_view waits_for_approval = "waits for approval";  // how the reason of such a pause ends

class Stages {
 public:
  explicit Stages(Writing& writing) : writing_(writing) {}

  // Of the generation under way; to be called when it is open. `fresh`: it was opened by this run.
  Result<void> read(bool fresh);
  // Whether there is another one behind the one under way.
  bool another() const { return !begun_.empty() && begun_.back().share != "100"; }
  // What has to be so at the end of the stage under way: its guards, an approval, a wait. Nothing: it is so.
  std::optional<StepEnd> leave();
  // Of the next one; `another()`.
  std::string next_share() const;
  Result<void> begin(const std::string& share, const std::vector<ledger::Writer::LaneRange>& lanes);

  // How many of the step's rows come in stages up to this one, as counted when the first was begun: a share is rounded down, and is one
  // row at least where there are any.
  static std::int64_t rows_up_to(const std::string& share, std::int64_t rows);
  std::int64_t rows() const { return begun_.empty() ? 0 : begun_.front().rows; }
  std::int64_t rows_before_next() const { return begun_.empty() ? 0 : rows_up_to(begun_.back().share, rows()); }
  // By hash: whether a row of this key belongs to the stage under way.
  bool holds(connect::RawRow key) const;
  void tell_begun() const;

 private:
  const program::RolloutStage* written() const;  // what stands behind the share that the stage under way has reached; none: nothing
  std::string shown() const;                     // "stage 1 of 3 (1%)"
  std::optional<StepEnd> look_on(const program::RolloutStage& stage);
  Result<bool> guards(const program::RolloutStage& stage);
  void set_bounds();
  StepEnd failed(const std::string& why);

  Writing& writing_;
  std::vector<ledger::Stage> begun_{};
  double from_ = 0, upto_ = 100;                 // of the stage under way, per cent
};

}  // namespace bfl::run
