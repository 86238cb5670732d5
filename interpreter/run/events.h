// Everything that a run does, told to one sink: the journal, the progress display and `--json` are listeners.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "interpreter/base/result.h"

namespace bfl::run {

enum class EventKind : std::uint8_t {
  run_started, step_started, step_resumed, step_reused, step_staged, chunk_committed, chunk_retried, step_finished, step_failed, rows_left_out,
  assertion_passed, assertion_failed, step_blocked, step_left_out, draining, run_finished,
  held_back, goes_on, step_paused, row_quarantined, workers_changed, approved, stage_begun, stage_done,
  transaction_open, transaction_committed, transaction_taken_back,
};
const char* name_of(EventKind kind);     // "run_started"

struct Event {
  EventKind kind{};
  std::string time{};                    // ISO 8601, UTC
  std::string run{};                     // id of the run
  std::string trace{};                   // to which it belongs (run/trace.h)
  std::string span{};                    // chunk_committed: the attempt, as the ledger and the server's log name it
  std::string job{};
  std::string step{};
  std::string reason{};                  // why: decision, error, which assertion; transaction_open: what is not committed yet
  std::string query{};                   // the exact SQL, where one was evaluated; approved: the plan's note with its signatures
  std::int64_t chunk = -1;               // sequence number in the lane
  std::int64_t rows_read = 0;            // walked in this chunk or step
  std::int64_t rows_changed = 0;
  std::int64_t conflicts = 0;            // step_reused: those that the step has left
  std::int64_t rows_left_out = 0;        // rows_left_out: by `reason`; step_finished: in all
  std::int64_t quarantined = 0;          // row_quarantined: 1; step_reused, step_finished, run_finished: how many wait there
  std::vector<std::string> keys{};       // rows_left_out: the first of them; row_quarantined: the row's; chunk_committed: those in conflict, the first of the step, with why
  std::int64_t rows_total = -1;          // estimated rows of the walk; -1: unknown
  std::int64_t rows_done = 0;            // of the walk, so far
  double seconds = 0;
  int beside = 1;                        // chunk_committed: chunks of the step in flight at once, this one counted
  int exit_code = 0;                     // run_finished
  std::string from_key{}, to_key{};      // bounds of the chunk, as people write them
};

using Listener = std::function<void(const Event&)>;

}  // namespace bfl::run
