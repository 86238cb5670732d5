// Several chunks of one step in flight: workers with a connection each take lanes, one after the other, and walk them chunk by
// chunk. Lanes do not touch each other and each has its fence, so that after a kill at any moment every one of them goes on
// behind its own last chunk, by however many workers.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "interpreter/run/writing.h"

namespace bfl::run {

// A number that the declaration of a PostgreSQL source gives; `otherwise` where it does not.
int source_setting(const program::Program& program, int source, std::string_view name, int otherwise);
// As `--workers` says, or the step's source; 1 without either.
int workers_of(const Writing& writing);
// Chunks that may be under way at a time, of all runs of all jobs on the step's database; 0: any number.
int at_once_of(const Writing& writing);

inline bool at_end(const ledger::Lane& lane) { return lane.cursor && ledger::encode(*lane.cursor) == ledger::encode(lane.upto); }

struct Beside {
  // How a worker finds its chunks; called once for each, with its own Writing.
  std::function<Result<NextChunk>(Writing& worker)> prepare;
  // Ends the step when a chunk could not be committed: called when no worker is at work any more.
  std::function<StepEnd(Writing& worker, const Error& error, const ledger::Lane& lane)> failed;
};

// Walks lanes until all are at their end: nothing; or how the step ended. False: the database has no use for several
// connections, and nothing was done.
Result<bool> walk_beside(Writing& writing, std::vector<ledger::Lane> lanes, const Beside& beside, std::optional<StepEnd>& end);

}  // namespace bfl::run
