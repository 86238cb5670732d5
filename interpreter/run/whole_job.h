// A run of a job that is atomic: all steps of the job, or of its plan, with their entries in the ledger, are one transaction of one database.
//
// The job is taken over before it and let go behind it, in transactions of their own, as ever. Between them the connection makes each
// transaction a part of one (connect/nested.h), and what the run tells, and this machine keeps of it, is held back until that is committed.
// Whatever goes wrong, a row in conflict as well, leaves nothing of it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "interpreter/connect/nested.h"
#include "interpreter/run/context.h"

namespace bfl::run {

// The transaction of one run.
class WholeJob {
 public:
  WholeJob(const program::Program& program, const std::vector<connect::Connector*>& targets);
  // Those of the run: the one that it writes to is the connection of the transaction.
  const std::vector<connect::Connector*>& targets() const { return targets_; }
  // False: it has not begun, and that is said. Without a step that has to be done there is nothing to begin.
  bool begin(Context& context);
  // Commits it, or takes all of it back and says why.
  void end(Context& context);
  bool under_way() const { return nested_ && nested_->spans(); }

 private:
  enum class End : std::uint8_t { committed, taken_back, unknown };
  void withhold(Context& context, const Event& event);
  void tell_open();
  void tell_end(Context& context, End end);
  void take_back(Context& context);
  Result<void> commit(Context& context);

  const program::Step* first_ = nullptr;  // that has something to write
  std::unique_ptr<connect::Nested> nested_{};
  std::vector<connect::Connector*> targets_;
  std::string attempt_{};
  Listener tell_{};
  std::vector<Event> withheld_{};
  Event open_{};           // what is told meanwhile
  double told_at_ = 0;
};

}  // namespace bfl::run
