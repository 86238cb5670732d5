// The writing side of the ledger, held by the one run that has taken a job over in a target.
//
// Everything here happens under the run's epoch: a take-over by another run raises it, and from then on every statement of
// this writer that matters touches no row, which is reported as an error of class `held`. Calls marked (in a transaction)
// are parts of a chunk's own write transaction; the others that change anything open and commit one.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/control.h"
#include "interpreter/ledger/holder.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/quarantine.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/plan/plan.h"

namespace bfl::ledger {

inline constexpr std::int64_t lease_micros = 30'000'000;

struct Runner {                     // who does it: in every entry
  std::string run_id, who, version, script_digest;
  Process process;
  std::string parameters;           // as people read them, frozen with the clock
  std::function<Timestamp()> now;
  std::optional<Timestamp> clock{};  // now() of a job that begins; none: the wall clock
  std::string why{}, ticket{}, owner{};  // as the job says them
  std::string meaning{};            // digest of what the job means, wherever it is run; empty: of what is no application of it
  bool one_transaction = false;     // all that it will do, or nothing of it: said before it begins
  bool evict = false;               // sessions in the way of taking the job over are ended, when the run behind them cannot live
};

struct Lane {
  std::int64_t step = 0, lane = 0, seq = 0;
  std::optional<Key> cursor;        // none: at the start
  Key upto;
  Digest opening{};                 // hash of the entry that opened it
};

struct ChunkFacts {
  std::int64_t changed = 0, conflicts = 0, skipped = 0, quarantined = 0;
  std::string query;                // the exact statement
  std::string attempt;              // id of this attempt: what an unknown commit is recognised by
  std::string earlier_errors;       // of attempts before this one
  std::int64_t lost = 0;            // chunks for which it stands: what was done is known, and its images are lost (gaps.h)
};

struct StageBlock {
  std::int64_t first = 0, rows = 0;
  Digest root{};
  std::string bytes;                // a pack of planned rows
};
// What the seal is over. `bytes`: the digest of the bytes as they were sealed.
std::string sealed_leaf(const StageBlock& block, std::string_view bytes);
std::string sealed_leaf(const StageBlock& block);

// Which rows a step of one name has changed: by 128 bits of the digest of the key, the same of the row before the change.
// Ten million rows fit where ten million keys would not.
using Short = std::array<std::uint8_t, 16>;
struct HashShort {
  std::size_t operator()(const Short& digest) const;
};
using ChangedRows = std::unordered_map<Short, Short, HashShort>;
Short short_digest(std::span<const connect::RawValue> values);
// Of a step, in any generation, without the rows that an undo has put back; `key_columns` of its table.
Result<ChangedRows> changed_rows(connect::Connector& target, const std::string& job, const std::string& step, const std::vector<int>& key_columns);

class Writer {
 public:
  // Takes the job over: an error of class `held` names who holds it. A holder on this host whose process is gone holds nothing.
  static Result<std::unique_ptr<Writer>> take_over(connect::Connector& target, const std::string& job, const Runner& runner);

  // The same hold on the job through another connection, for another thread. What they enter in the job's own lane they enter in turn.
  std::unique_ptr<Writer> beside(connect::Connector& target) const;

  const std::vector<std::string>& evicted() const { return evicted_; }  // sessions that were ended to take it over
  Timestamp clock() const { return clock_; }             // now() of the job: frozen until the job has finished
  // False: another thread enters something now, which has the job's row; try again.
  Result<bool> heartbeat();
  Result<std::vector<Order>> orders();                   // in force for the job
  Result<void> obey(const Order& order);                 // a `cancel` is for one run
  Result<void> release(bool finished);                   // a finished job starts with a new clock the next time; recorded

  // Opens a generation: a new row of bfl_step with one lane over (start, upto], or with several that end at `cuts` and `upto`.
  // Sealed ones with their blocks.
  struct Opening {
    std::string step, route, statement;
    const plan::MemoKey* key = nullptr;
    std::int64_t generation = 1;
    Key upto;
    std::int64_t sealed_rows = 0;
    std::function<Result<void>()> also{};   // in the same transaction: tables that the step fills
    std::string tables{};                   // whose images the packs hold, as described_tables() in image_table.h reads them
    std::string measured{};                 // what was counted when the step began, as text; empty: nothing
    std::vector<Key> cuts{};                // in the order of the walk, before `upto`
    std::string stage_share{};              // per cent, of a rollout: the first stage of several, whose lanes these are
    std::int64_t stage_rows = 0;            // … of all stages, by what is known now
    std::string keeps{};                    // of what the tables are made that `also` makes, as described_origins() in kept_origin.h reads it
    std::string reads{};                    // tables of which values may lie in what is written, as described_names() there reads it
  };
  // Gives the blocks one after the other, then nothing; a call with `from_start` begins anew.
  using BlockSource = std::function<Result<std::optional<StageBlock>>(bool from_start)>;
  Result<std::int64_t> open(const Opening& opening, const BlockSource& blocks = {});
  Result<void> rekey(std::int64_t step, const plan::MemoKey& key);          // --accept
  Result<void> open_lane(std::int64_t step, const Key& upto);               // another pass over the walk
  // The next stage of a rollout, in lanes that begin behind what the stages before it have walked, or at the start.
  struct LaneRange { std::optional<Key> from; Key upto; };
  Result<void> open_stage(std::int64_t step, std::size_t stage, const std::string& share, const std::vector<LaneRange>& lanes);
  // What has to be so at the end of a stage is so. `waits`: somebody has to approve it.
  Result<void> pass_stage(std::int64_t step, std::size_t stage, bool waits);
  Result<void> approve_stage(std::int64_t step, std::size_t stage, const std::string& why);
  // `undone`: the generation that this one has put back, whole; `again`: the one that that one had put back, whole, and so on.
  Result<void> close(std::int64_t step, std::optional<std::int64_t> undone = {}, std::optional<std::int64_t> again = {});
  // A generation in which nothing was done is taken back: an undo that was stopped before its first row.
  Result<void> abandon(std::int64_t step);
  // A step that changed nothing: a check that passed, an update without a row to change. A generation without lanes.
  Result<void> record_done(const std::string& step, const std::string& route, const plan::MemoKey& key, std::int64_t generation,
                           const std::function<Result<void>()>& also = {}, const std::string& measured = {});
  // Of the entry that opened a generation, or empty.
  Result<std::string> measured(std::int64_t step);
  // Relations that are kept: `fill` makes and fills their tables and gives the rows of each; recorded in the same transaction. `keeps`: of what
  // they were made, as described_origins() in kept_origin.h reads it.
  struct Keeping { std::string step; const plan::MemoKey* key = nullptr; std::int64_t generation = 1; std::string route = "kept"; std::string keeps{}; };
  Result<void> keep(const std::vector<Keeping>& all, const std::function<Result<std::vector<std::int64_t>>()>& fill);

  // What else is to be seen of a run in the ledger: who approved it.
  Result<void> attest(const char* kind, std::map<std::string, std::string> fields);
  // In one transaction: what `body` does, and the entries in the job's lane that it gives, each with its kind.
  using Entries = std::vector<std::pair<const char*, std::map<std::string, std::string>>>;
  Result<void> record(const std::function<Result<Entries>()>& body);

  Result<Lane> newest_lane(std::int64_t step);
  Result<std::vector<Lane>> lanes(std::int64_t step);    // at least one, in the order in which they were opened
  Result<StageBlock> stage_block(std::int64_t step, std::int64_t ordinal);

  // (in a transaction) Moves the fence from lane.seq to the next, over (lane.cursor, hi].
  Result<void> fence(const Lane& lane, const Key& hi);
  // (in a transaction) Counts the rows; false when a limit would be passed: of changed rows, or of those set aside. Negative: none.
  struct Counts { std::int64_t changed = 0, conflicts = 0, quarantined = 0; };
  Result<bool> count(std::int64_t step, const Counts& more, std::int64_t most_changed, std::int64_t most_quarantined);
  // The same from the entries, for chunks that were committed beside each other and not counted: gives what is counted now.
  Result<Counts> recount(std::int64_t step);
  // Says in the job's lane that rows in quarantine need nothing more.
  Result<void> resolve(const std::vector<Quarantined>& rows, const std::string& why);
  // (in a transaction) Appends the entry of the chunk that `fence` opened.
  Result<void> append(const Lane& lane, const Key& hi, const Pack& pack, const ChunkFacts& facts);
  // Stands for chunks whose entries were lost while their rows were kept: the lane goes on behind `hi`, without images.
  Result<void> bridge(const Lane& lane, const Key& hi, std::int64_t chunks);
  // After a commit whose outcome is not known: true when chunk lane.seq bears this attempt, false when it does not exist; an
  // error of class `held` when another run has gone on, `refused` when the target has lost what it had.
  Result<bool> committed(const Lane& lane, const std::string& attempt);

 private:
  struct StepFacts { std::string name, schema; std::int64_t generation = 0; };
  using Fields = std::map<std::string, std::string>;     // of an entry; sorted, as its text is

  Writer(connect::Connector& target, std::string job, Runner runner);
  Result<void> transact(const std::function<Result<void>()>& body);
  Result<void> transact_once(const std::function<Result<void>()>& body, bool& begun_once);
  Result<void> guarded(const std::function<Result<void>()>& body);  // a transaction that first compares the epoch
  Error superseded();
  Result<void> extend_lease();
  Error kept_out(Error error);
  Result<Timestamp> server_now();
  Result<StepFacts*> facts_of(std::int64_t step);
  Result<std::int64_t> insert_step(const std::string& name, std::int64_t generation, const plan::MemoKey& key, const std::string& route,
                                   const char* state, std::int64_t sealed_rows, Fields& fields);  // what the entry is to say of it
  Result<void> insert_lane(std::int64_t step, std::int64_t lane, const Key* from, const Key& upto, const Digest& opening);
  Result<void> add_lane(std::int64_t step, std::int64_t lane, const Key* from, const Key& upto);  // with its note
  Result<void> raise_revision();
  Result<Digest> turn(std::int64_t by, std::int64_t step, const char* state);  // by what another generation did
  // An entry in the lane of the job itself; gives its hash.
  Result<Digest> note(const char* kind, Fields fields);
  Result<Digest> insert_entry(std::int64_t step, std::int64_t lane, std::int64_t seq, const char* kind, const Digest* previous,
                              Fields fields, std::string_view pack);
  Result<std::optional<Digest>> hash_of(std::int64_t step, std::int64_t lane, std::int64_t seq);

  connect::Connector& target_;
  OwnSql sql_;
  std::string job_;
  Runner runner_;
  std::shared_ptr<std::mutex> turn_ = std::make_shared<std::mutex>();  // of those beside each other: waiting for a lock in the database would end after some seconds
  std::int64_t epoch_ = 0;
  Timestamp clock_{};
  std::vector<std::string> evicted_{};
  std::map<std::int64_t, StepFacts> facts_;
};

}  // namespace bfl::ledger
