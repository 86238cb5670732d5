// What a step intends, row by row, as the blocks of a sealed set: read in one snapshot, before anything is changed.
#pragma once
#include <functional>

#include "interpreter/ledger/writer.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/spool.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {

// A step, where its rows lie, and what is known while they are looked for.
struct Intention {
  const program::Program& program;
  const program::Step& step;
  connect::Connector& target;       // of the step
  const eval::Context evaluation;
  bool again = false;               // rows that a `once` step has changed before are taken, where they are as before the change
  std::function<bool()> ends{};     // whether nobody waits for it any more

  const Table& table() const { return program.table(step.target); }
};

// Rows that come to the same key must be told apart before the first one is changed. `later`: values are computed when a row's turn comes.
bool sequenced(const program::Step& step, const lower::Hands& hands, bool later);

// Values by which rows of its own table are known in a planned set.
std::size_t keys_of(const program::Step& step);
ledger::Joining joining_of(const program::Step& step);  // of its planned rows

// The step as a plan holds it: the new values of a `once` step are computed at once, from the row as it is sealed.
program::Step with_values(program::Step step);

class MeetingRows;
// Rows that go before those of the step, and then its own. `meeting`: of inserts and upserts.
Result<void> collect(const Intention& intention, const lower::Intents& intents, const lower::Hands& hands, bool later, connect::Connector& engine, Spool& into,
                     MeetingRows* meeting = nullptr);
// The same as a plan holds it.
Result<void> collect(const Intention& intention, const Workbench& bench, Spool& into, MeetingRows* meeting);

}  // namespace bfl::run
