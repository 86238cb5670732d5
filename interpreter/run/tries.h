// Which rows of a step its database would not take: found out while a plan is looked at, on copies of its table.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/run/preview.h"
#include "interpreter/run/stand_in.h"

namespace bfl::run {

class Tries {
 public:
  static constexpr std::int64_t most_rows = 500'000;  // of a step, that are collected for this alone

  Tries(const program::Program& program, const std::vector<connect::Connector*>& targets, StandIns& stand_ins) : program_(program), targets_(targets), stand_ins_(stand_ins) {}
  // Those on which steps may be tried.
  static std::set<program::TableRef> tables(const program::Program& program, const std::vector<Decision>& decisions);

  // Rows of a step that were set aside before: nobody tries them again. `open`: its generation, where it goes on with one.
  Result<void> wait(std::size_t step, Preview& preview, const ledger::Generation* open);
  const std::set<std::string>& waiting() const { return waiting_; }
  // A step whose rows are counted: what may refuse some of them.
  void begin(std::size_t step, Preview& preview);
  bool any() const { return restraints_.any(); }
  // Whether an error of class data means that the run would meet it as well.
  bool refuses(const Preview& preview) const { return may_pass(preview) && !stale_; }
  bool row_by_row() const { return !restraints_.references.empty() || !waiting_.empty(); }  // what a copy does not ask by itself
  bool wants_rows(const Preview& preview) const;
  // Where rows are passed over as they are applied to what later steps see; none: the first that is refused says so.
  const PassedOver* passes(const Preview& preview) const { return may_pass(preview) ? &*passes_ : nullptr; }
  // Of a step at which no later one looks.
  void try_out(std::size_t step, Preview& preview, Spool& rows, const eval::Context& evaluation);
  // What was begun with `passes` did not come to its end: what was counted is not all.
  void broke_off(std::size_t step, Preview& preview, const Error& error);
  // The error with which the run would end here.
  std::optional<Error> end(std::size_t step, Preview& preview);
  // What the step changes is not seen by those behind it, or it is.
  void changes(std::size_t step, bool seen);
  void forget(int source);  // what was seen there is seen no longer

 private:
  static bool may_pass(const Preview& preview);
  bool is_unseen(const Reference& reference, program::TableRef target) const;

  const program::Program& program_;
  const std::vector<connect::Connector*>& targets_;
  StandIns& stand_ins_;
  Restraints restraints_{};
  std::set<std::string> waiting_{};
  std::optional<PassedOver> passes_{};
  bool stale_ = false;  // what would be judged are not the rows as the step will find them
  std::set<program::ColumnUse> seen_{}, unseen_{};  // what an earlier step changes, and whether a copy shows it
};

}  // namespace bfl::run
