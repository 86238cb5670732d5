// A job played on scratch databases: run, killed, run on, undone, as often as one likes, with a clock that stands still.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/cli/session.h"
#include "interpreter/run/executor.h"

namespace bfl::cli {

struct Stage {
  const Session& job;               // planned
  std::vector<std::string> urls;    // of the scratch databases, in step with its sources
  std::string folder;               // of the state file
  std::optional<Timestamp> clock;   // none: it goes
  run::StopSignal& stop;
  std::string run_id;
};

struct Manner {
  std::function<std::optional<std::int64_t>(const program::Step&)> chunk_rows{};  // instead of what the step says; none: as it says
  std::int64_t dies_after = 0;      // so many chunks of the run, in the midst of everything; of an atomic job in its transaction
};

struct Played {
  int exit_code = 0;
  std::map<std::string, std::int64_t> changed{}, walked{}, chunks{};  // rows, rows looked at, chunks: by step
  std::int64_t all_chunks = 0, conflicts = 0, quarantined = 0;
  double seconds = 0;
  std::string said{};               // what went wrong, drawn
};
Played play(const Stage& stage, const Manner& manner = {});
// In a process of its own, which is gone without a word: whether it was killed, or came to its end before; nothing: none can be made.
std::optional<bool> play_and_die(const Stage& stage, const Manner& manner);

struct PutBack {
  bool possible = true;             // what cannot be put back at all (a table without a key) is no fault of the job
  int exit_code = 0;
  std::vector<std::string> conflicts{};  // `the undo of `fix`: orders 7: …`
  std::string said{};
};
PutBack put_back(const Stage& stage);  // what the runs of the stage's id have done

}  // namespace bfl::cli
