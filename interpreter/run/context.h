// What a step is carried out with: the values that execute() was given, connections, how its story is told, and how it ends. Steps that
// are under way at the same time have one each; what they share is the WholeRun.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/ledger/writer.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/whole_run.h"

namespace bfl::run {

// How a step ended. Everything but `done` keeps the steps that depend on it from starting.
// Of a run that is one transaction; what runs before it have committed stays.
inline constexpr const char* untouched = "nothing was changed by this run: it is one transaction";

enum class StepEnd : std::uint8_t {
  done,
  failed,        // an assertion does not hold, a row does not fit, the database refused: independent steps go on
  stopped,       // asked to stop, out of chunks, superseded, locked out: the run ends here and can be resumed
};

class Pacer;

struct Context {
  WholeRun& whole;
  const program::Program& program;
  const plan::Plan& plan;
  std::vector<connect::Connector*> targets;
  Clock& clock;
  StopSignal& stop;
  const Options& options;
  std::vector<std::unique_ptr<ledger::Writer>> writers{};  // in step with targets; none where nothing has to be written
  std::vector<bool> keeps{};                               // in step with targets: the ledger of some step lies there
  std::vector<std::string> identities{};
  std::vector<Timestamp> clocks{};                         // now() of the job in each target
  std::vector<std::size_t> cut_short{};                    // targets in which the job has begun and nothing is left to be written
  std::vector<std::int64_t> schema_versions{};             // that the program was checked against
  const program::Step* schema_of = nullptr;                // the step for which another version was found to do as well
  std::int64_t schema_seen = 0;
  // Of the step under way.
  double looked_at = -1;                                   // for orders; negative: not yet
  std::shared_ptr<Pacer> pacer{};                          // where it changes rows
  std::optional<StepEnd> ended{};                          // said already
  std::atomic<bool> held{false};                           // workers begin no chunk
  std::atomic<bool> leaving{false};                        // … and never will again: it ends
  std::int64_t most_waiting = 0;                           // sessions of others that waited for one chunk, since workers last looked
  std::mutex shared{};                                     // held by whoever of several workers touches what they share: that number, and the Writing

  Context(WholeRun& whole_, const program::Program& program_, const plan::Plan& plan_, std::vector<connect::Connector*> targets_, Clock& clock_, StopSignal& stop_, const Options& options_)
      : whole(whole_), program(program_), plan(plan_), targets(std::move(targets_)), clock(clock_), stop(stop_), options(options_) {}
  // Of the same run, over connections of its own: for a step beside those of the other one.
  Context(const Context& of, std::vector<connect::Connector*> targets_);

  // A run from its first event to its last: told to `listener`, recorded, summed up.
  Outcome run(const Listener& listener, const std::function<void()>& work);
  void begin_step(const program::Step& step);

  void tell(const Event& event) const { whole.tell(event); }
  // Of what is summed up at the end of the run.
  template <class Change>
  void count(Change&& change) const {
    std::lock_guard lock(whole.mutex);
    change(whole.outcome);
  }
  // Under WholeRun::mutex: of what is wrong for good the first in the order of the plan decides; what can be resumed is said when there is
  // nothing worse.
  void decide_exit(const program::Step& step, int exit_code) const;
  // Nothing of the run is to begin any more; no chunk of the step.
  bool run_ends() const { return stop.level.load() > 0 || whole.ending.load(); }
  bool stopping() const { return run_ends() || leaving.load(); }
  bool diary_works() const {
    std::lock_guard lock(whole.mutex);
    return bool(whole.diary);
  }
  // Chunks that may still be begun; negative: any number.
  std::int64_t chunks_left() const {
    std::lock_guard lock(whole.mutex);
    return whole.chunks_left;
  }

  Event event(EventKind kind, const program::Step& step) const;
  eval::Context evaluation(int source) const { return {clocks[static_cast<std::size_t>(source)]}; }
  lower::Dialect dialect(int source) const { return lower::dialect_of(program.catalogues[static_cast<std::size_t>(source)]); }
  connect::Connector& target(int source) const { return *targets[static_cast<std::size_t>(source)]; }
  ledger::Writer& writer(int source) const { return *writers[static_cast<std::size_t>(source)]; }

  // Says what went wrong with a step: a diagnostic at its span, an event, an exit code. `where` names chunk, row and the
  // state of the data.
  StepEnd fail(const program::Step& step, Code code, const Error& error, const std::string& where = {});
  StepEnd fail(const program::Step& step, const Error& error, const std::string& where = {});  // the code follows from the class
  // Asked to stop, by a signal or because another step was: says so once.
  StepEnd interrupted(const program::Step& step);
  // Said where a step stops resumably and nobody asked for it: exit code 75 and the reason.
  StepEnd paused(const program::Step& step, Code code, const Error& error, const std::string& where);
  // Waits, keeping the lease (`source` < 0: a worker, for which others do); false as soon as somebody asks to stop.
  bool wait(double seconds, int source);
  // Keeps the lease, when it is time to. A lock that cannot be had now will be had the next time: the lease has two more beats.
  Result<void> keep_lease(int source);
  // Between chunks: the lease is kept, the diary works, nobody asked to stop, no order is in force. While one says to wait, this
  // waits. Nothing: go on. Never to be called with a lock, or where a transaction is open: it may take seconds. `crew`: workers
  // look after their pace by themselves.
  std::optional<StepEnd> pause(const program::Step& step, int source, bool crew = false);
  // How many chunks of a step this machine has seen committed.
  void note_chunks(int source, std::int64_t step, std::int64_t chunks) const;
  void note(const Result<void>& written) const;            // of the state file

 private:
  std::optional<StepEnd> reason_to_end(const program::Step& step, int source, bool crew);
  // What people say from elsewhere (hold.cpp).
  std::optional<StepEnd> obey(const program::Step& step, int source, bool crew);
};

Code code_of(const Error& error);
std::string help_of(const Error& error);  // its own, or what is known to help with such data

// The number that a statement of one row and one column gives; 0 when it gives no row.
Result<std::int64_t> one_number(connect::Connector& target, const lower::Statement& statement, const eval::Context& evaluation);
// A value for people: as a literal, cut between characters; `?` where it cannot be read.
std::string shown(const Result<Value>& value);

inline constexpr const char* unharmed = "nothing was changed";

// Snapshots that are taken together: indexes of steps of one source.
StepEnd keep(Context& context, const std::vector<std::size_t>& steps, const std::vector<Decision>& decisions);
// Whether a condition without outer columns holds, in the read or the transaction that is under way where there is one.
Result<bool> holds(const program::Program& program, const program::Step& step, const program::ExprPtr& condition, const std::vector<connect::Connector*>& sources,
                   const eval::Context& evaluation, const KeptAside& aside = {});
// Whether the step's `when` holds; true without one.
Result<bool> applies(Context& context, const program::Step& step);
// Every assertion of `step` in one read snapshot; those that do not hold, with what was found, as a diagnostic of `code` and an event of `told`
// for each. An error when one cannot be told.
struct Asserted {
  Code code;
  std::string what;                   // "verification `small`"
  std::string help;
};
Result<bool> asserts(Context& context, const program::Step& step, const program::Step& told, const Asserted& as);
StepEnd assertion(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision);
// `open`: the generation to go on with; none: a new one.
StepEnd write(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision,
              const ledger::Generation* open);

// A guarded step proves itself on rows of its own before anything is written: applied to a sample twice, the second time
// must change nothing.
struct Proof {
  std::int64_t rows = 0;          // of the sample
  std::string broken{};           // which row would change a second time, and how; empty: none
};
Result<Proof> prove(const program::Program& program, const program::Step& step, connect::Connector& target,
                    const eval::Context& evaluation);
Result<Proof> prove_in_memory(const program::Program& program, const program::Step& step, connect::Connector& target,
                              const eval::Context& evaluation);

}  // namespace bfl::run
