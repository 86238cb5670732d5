// What the works of a run share: the values that execute() was given, and how a step's story is told and ended.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/ledger/writer.h"
#include "interpreter/run/executor.h"

namespace bfl::run {

// How a step ended. Everything but `done` and `reused` keeps the steps that depend on it from starting.
enum class StepEnd : std::uint8_t {
  done,
  failed,        // an assertion does not hold, a row does not fit, the database refused
  stopped,       // asked to stop, or out of chunks: resumable
};

struct Context {
  const program::Program& program;
  const plan::Plan& plan;
  const std::vector<connect::Connector*>& targets;
  store::State& state;
  Clock& clock;
  StopSignal& stop;
  const Options& options;
  Diagnostics& diagnostics;
  Listener tell;
  std::vector<std::unique_ptr<ledger::Writer>> writers;  // in step with targets
  std::vector<std::string> identities;
  Outcome outcome{};
  std::int64_t chunks_left = -1;
  Result<void> journal_failed{};
  double heartbeat_at = 0;

  Event event(EventKind kind, const program::Step& step) const;
  eval::Context evaluation(int source) const { return {writers[static_cast<std::size_t>(source)]->clock()}; }

  // Says what went wrong with a step: diagnostic at its span, event, exit code. `where` names chunk, row and the state of the data.
  StepEnd fail(const program::Step& step, Code code, const Error& error, const std::string& where = {});
  // Between chunks: the lease is kept, the diary works, nobody asked to stop. Nothing: go on.
  std::optional<StepEnd> pause(const program::Step& step, int source);
};

Code code_of(const Error& error);

// The works. Each tells its own events; a generation that is to be opened has the number in `decision`.
StepEnd assertion(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision);
StepEnd direct_write(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision, const ledger::Generation* open);
StepEnd sealed_write(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision, const ledger::Generation* open);

// One chunk's transaction, from the fence to the commit; see chunk.cpp.
struct ChunkWork {
  ledger::Lane lane;                 // moved on when the chunk is committed
  ledger::Key hi;
  std::string query;
  std::int64_t rows = 0;             // walked
  // Changes rows; the images go to the pack by themselves. Gives how many rows it meant to change.
  std::function<Result<std::int64_t>(ledger::PackWriter& pack, ledger::ChunkFacts& facts)> change;
};
struct ChunkEnd { std::int64_t changed = 0, conflicts = 0, raw_bytes = 0; double seconds = 0; };
Result<ChunkEnd> commit_chunk(Context& context, const program::Step& step, ChunkWork& work, ledger::PackWriter& pack, std::int64_t schema_version);

// The largest number of rows that `expect` allows; -1: any.
std::int64_t limit_of(const program::Step& step);
// At a step's end: lower and exact bounds. False with a diagnostic.
bool meets_expectations(Context& context, const program::Step& step, std::int64_t changed);

// A guarded step proves itself on rows of its own before anything is written: applied to a sample twice, the second time
// must change nothing. Nothing: it holds; else which row, and how.
Result<std::optional<std::string>> disproof(const program::Program& program, const program::Step& step, connect::Connector& target,
                                            const eval::Context& evaluation);

}  // namespace bfl::run
