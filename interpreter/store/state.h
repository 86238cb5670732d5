// The state file (`.bfl/state.db` beside the job): memo cache and diary of this machine. The target is the truth; losing
// this file loses nothing. One small RAII layer over sqlite3 (store/sqlite.h), a real schema (schema.cpp), refusal of a
// newer format.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/damage.h"
#include "interpreter/base/result.h"

namespace bfl::store {

inline constexpr int format_version = 2;
inline constexpr std::int64_t revision_row = 0;  // in place of a step: as what the revision of a target is known

struct RunRecord {
  std::string id;                 // sortable: time and random part
  std::string job, path;          // of the script
  std::string script_digest, version, who, host;
  std::string started, finished;  // ISO 8601 UTC; finished empty while running or killed
  int exit_code = -1;
  std::int64_t pid = 0;
};

struct JournalEntry {             // one event, in order; see run/events.h for the meaning of the fields
  std::string run, job, step, kind, time, reason, query, from_key, to_key;
  std::int64_t seq = 0, chunk = -1, rows_read = 0, rows_changed = 0, conflicts = 0;
  double seconds = 0;
};

// What a second run of a finished job may be answered from without parsing: only for jobs with nothing to verify.
struct FinishedJob {
  std::string inputs;             // digest over script, parameters, sources, environment, version of bfl
  std::string job;
  std::string target_path;        // of the one source that it wrote
  std::string target_identity;
  std::int64_t schema_version = 0;  // of the target when it finished
  std::int64_t revision = 0;      // of bfl_meta in the target: changes with every generation that opens or closes
  std::int64_t steps = 0;
  std::string finished;           // ISO 8601
};

class State {
 public:
  virtual ~State() = default;
  virtual Result<void> begin_run(const RunRecord& run) = 0;
  virtual Result<void> end_run(const std::string& run, const std::string& finished, int exit_code) = 0;
  virtual Result<void> append(const JournalEntry& entry) = 0;   // durable when it returns for chunk and step entries
  virtual Result<void> flush() = 0;
  virtual Result<std::vector<RunRecord>> runs(std::size_t limit) = 0;              // newest first
  virtual Result<std::vector<JournalEntry>> journal(const std::string& run) = 0;   // empty id: every run, oldest first
  virtual Result<std::optional<FinishedJob>> finished(const std::string& inputs) = 0;
  virtual Result<void> remember(const FinishedJob& job) = 0;
  virtual Result<void> forget(const std::string& job) = 0;
  // The newest chunk that this machine knows to be committed, per target, job and step generation: to see that a target
  // was restored to an older state (protocol.md, Start).
  virtual Result<std::optional<std::int64_t>> known_seq(const std::string& target, std::int64_t step_row) = 0;
  virtual Result<void> note_seq(const std::string& target, std::int64_t step_row, std::int64_t seq) = 0;
  // What it knows so of every target; by target.
  struct Known { std::string target; std::int64_t step_row = 0, seq = 0; };
  virtual Result<std::vector<Known>> known() = 0;
  // Forgets a target: what was seen of it, and the jobs that were finished in it. Asked again, it is believed.
  virtual Result<void> forget_target(const std::string& target) = 0;
  // Every row recomputed from its digest, the diary as a chain. What was written before there were digests is passed over.
  struct Proven { std::int64_t runs = 0, entries = 0; std::vector<Damage> damages{}; };
  virtual Result<Proven> verify() = 0;
};

// Creates the file (mode 0600) and its folder (0700) if missing.
Result<std::unique_ptr<State>> open_state(const std::string& path);
// To ask only, of a file that is there: it is neither filled nor brought to another format, and what would write fails.
Result<std::unique_ptr<State>> read_state(const std::string& path);

}  // namespace bfl::store
