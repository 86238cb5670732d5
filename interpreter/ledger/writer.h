// The writing side of the ledger, held by the one run that has taken a job over in a target.
//
// Everything here happens under the run's epoch: a take-over by another run raises it, and from then on every statement of
// this writer that matters touches no row, which is reported as an error of class `held`. Calls marked (in a transaction)
// are parts of a chunk's own write transaction; the others open and commit one.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/holder.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/plan/plan.h"

namespace bfl::ledger {

inline constexpr std::int64_t lease_micros = 30'000'000;

struct Runner {                     // who does it: in every entry
  std::string run_id, who, version, script_digest;
  Process process;
};

struct Lane {
  std::int64_t step = 0, lane = 0, seq = 0;
  std::optional<Key> cursor;        // none: at the start
  Key upto;
};

struct ChunkFacts {
  std::int64_t changed = 0, conflicts = 0, skipped = 0;
  std::string query;                // the exact statement
  std::string attempt;              // id of this attempt: what an unknown commit is recognised by
  std::string earlier_errors;       // of attempts before this one
};

class Writer {
 public:
  // Takes the job over: an error of class `held` names who holds it. `now`: wall clock.
  static Result<std::unique_ptr<Writer>> take_over(connect::Connector& target, const std::string& job, const Runner& runner, Timestamp now);

  Timestamp clock() const { return clock_; }             // now() of the job: frozen until the job has finished
  Result<void> heartbeat(Timestamp now);
  Result<void> release(bool finished);                   // a finished job starts with a new clock the next time

  // Opens a generation: a new row of bfl_step with one lane over (start, upto]. Sealed ones with their blocks.
  struct Opening {
    std::string step, route, schema;
    const plan::MemoKey* key = nullptr;
    std::int64_t generation = 1;
    Key upto;
    std::int64_t sealed_rows = 0;
  };
  struct Block { std::int64_t first = 0, rows = 0; std::string bytes; };
  using BlockSource = std::function<Result<std::optional<Block>>()>;
  Result<std::int64_t> open(const Opening& opening, const BlockSource& blocks = {});
  Result<void> rekey(std::int64_t step, const plan::MemoKey& key);          // --accept
  Result<std::int64_t> open_lane(std::int64_t step, const Key& upto);       // another pass over the walk: its number
  Result<void> close(std::int64_t step);
  // A check that passed: recorded as a generation without lanes, done at once.
  Result<void> record_check(const std::string& step, const plan::MemoKey& key, std::int64_t generation);

  Result<Lane> newest_lane(std::int64_t step);
  Result<std::optional<Block>> block_at(std::int64_t step, std::int64_t ordinal);
  // Keys that a step of this name has changed in any generation that is not undone, encoded.
  Result<std::vector<std::string>> changed_keys(const std::string& step, const std::vector<int>& key_columns);

  // (in a transaction) Moves the fence from lane.seq to the next, over (lane.cursor, hi].
  Result<void> fence(const Lane& lane, const Key& hi);
  // (in a transaction) Counts the rows; false when the limit would be passed.
  Result<bool> count(std::int64_t step, std::int64_t changed, std::int64_t conflicts, std::int64_t limit);
  // (in a transaction) Appends the entry of the chunk that `fence` opened.
  Result<void> append(const Lane& lane, const Key& hi, const Pack& pack, const ChunkFacts& facts);
  // After a commit whose outcome is not known: true when chunk lane.seq bears this attempt.
  Result<bool> committed(const Lane& lane, const std::string& attempt);

 private:
  Writer(connect::Connector& target, std::string job, Runner runner);
  struct Statements;
  Result<void> guarded(const std::function<Result<void>()>& body);  // a transaction that first compares the epoch
  connect::Connector& target_;
  std::string job_;
  Runner runner_;
  std::int64_t epoch_ = 0;
  Timestamp clock_{};
  std::unique_ptr<Statements> statements_;
  Digest previous_{};                 // hash of the entry before, of lane previous_lane_
  std::int64_t previous_step_ = -1, previous_lane_ = -1, previous_seq_ = -1;

 public:
  ~Writer();
};

}  // namespace bfl::ledger
