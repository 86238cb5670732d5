// A writing step under way: what its chunks share, how one transaction of them is carried out, and how the step is ended.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "interpreter/ledger/pack.h"
#include "interpreter/run/chunk_size.h"
#include "interpreter/run/context.h"

namespace bfl::run {

struct Writing {
  Context& context;
  const program::Step& step;
  const plan::StepPlan& step_plan;
  connect::Connector& target;
  ledger::Writer& writer;
  const Table& table;
  int source = 0;
  bool whole = false;               // one transaction, however many entries
  Measured measured{};              // when the step began
  std::vector<LeftOut> skipped{};   // rows that were left out when their turn came
  std::int64_t limit = -1;          // of changed rows; negative: none
  std::string limit_share{};        // of what it is a share
  std::int64_t id = 0;              // row of bfl_step
  std::int64_t chunks = 0;          // committed by this generation, earlier runs included
  std::int64_t changed = 0, conflicts = 0, quarantined = 0;
  std::int64_t most_quarantined = -1;  // negative: none is set aside
  std::int64_t rows_total = -1, rows_done = 0;  // of the walk, for people
  std::size_t conflicts_named = 0;  // rows of this run that were told one by one
  int beside = 1;                   // workers that walk it
  std::int64_t rows = 0;            // the size of the next chunk
  ChunkSize size{};                 // the law that it follows
  std::int64_t waiting = 0;         // sessions of others that waited for a lock of the last chunk
  bool too_large = false;           // the images of the last attempt were cut off: try fewer rows
  bool in_doubt = false;            // whether the last chunk was committed could not be found out
  bool between_stages = false;      // no chunk is under way: a rollout looks whether it may go on
  bool undoing = false;             // rows of its tables are changed, added and deleted, whatever the step's kind
  bool trying = false;              // what is changed now is taken back, and not looked at
  bool undeclared = false;          // the last error: rows changed that the step does not speak of
  double began = 0;
  const std::vector<ledger::ImageTable> tables;  // that the step changes, its own first: how images of their rows are read later
  ledger::PackWriter pack;
  // Of the row under way, on the sealed route.
  std::span<const connect::RawValue> cause{};      // the key of the row that causes a new one
  bool in_between = false;                         // it is changed once more, and counted then
  std::vector<LeftOut> skipping{};  // of the chunk under way
  std::optional<std::vector<ledger::Stored>> seen{};  // the changed row of the step's table: as it is after, of deletes before

  // Of a worker: the Writing that it works for, in which all of them count and which is touched under Context::shared.
  Writing* of = nullptr;
  std::int64_t in_flight = 0;       // rows that chunks under way have changed
  std::int64_t setting_aside = 0;   // rows that chunks under way put into quarantine

  std::string reads() const;  // tables of which values may lie in what the step writes, for the ledger
  using Tables = std::vector<ledger::ImageTable>;
  static Tables tables_of(const program::Program& program, const program::Step& step);
  Writing(Context& context_, const program::Step& step_, const plan::StepPlan& step_plan_, const ledger::Generation* open);
  Writing(Writing& of_, connect::Connector& target_, ledger::Writer& writer_);
  StepEnd fail(const Error& error) const { return fail(undeclared ? Code::undeclared_effect : code_of(error), error); }
  StepEnd fail(Code code, const Error& error) const { return context.fail(step, code, error, state_of_data()); }
  void skip(connect::RawRow key, const char* reason, ledger::ChunkFacts& facts);  // the row under way
  void set_aside(const ledger::Key& key, const std::string& reason, ledger::ChunkFacts& facts);
  bool declared(const connect::RowChange& change) const;
  bool speaks_of(const connect::RowChange& change) const;  // the step says that it changes such rows
  std::string state_of_data() const;  // "chunks 1 to 41 are committed, chunk 42 was rolled back, nothing to clean up"
};

// One entry of the ledger.
struct Chunk {
  ledger::Key hi;
  const std::string* query = nullptr;
  std::int64_t rows = 0;            // walked
  bool rest = false;                // of a lane: `rows` is no more than a guess
  bool told = true;                 // what `change` gives is known otherwise than from the images
  // Changes rows; the images go to the pack by themselves. Gives how many rows the statements say they changed.
  std::function<Result<std::int64_t>(ledger::ChunkFacts& facts)> change;
  // The keys of its rows, for quarantine.
  std::function<Result<std::vector<ledger::Key>>()> keys{};
};
using NextChunk = std::function<Result<Chunk>(const ledger::Lane& lane)>;

// One transaction: the next chunk of the lane, or, when `whole`, all that are left of it. Tried again while that may help.
Result<void> commit_chunks(Writing& writing, ledger::Lane& lane, const NextChunk& next);
// The same, but where a row does not fit and the step may set rows aside, the chunk is halved until the row stands alone, which then
// goes into quarantine (set_aside.cpp). What comes before it is committed on the way.
Result<void> commit_or_set_aside(Writing& writing, ledger::Lane& lane, const NextChunk& next);
// A row that has gone into quarantine, told; where there are several workers `shared` is held.
void tell_quarantined(Writing& writing, const ledger::Key& key, const std::string& reason);

// The session bears the run and the step in its name, so that what the server logs of it can be told: `bfl RUN JOB/STEP`.
void name_session(const Context& context, const program::Step& step, connect::Connector& target);

// The table and what the step reads are as they were when the program was checked; else an error that says so.
Result<void> same_schema(Context& context, const program::Step& step, connect::Connector& target);

// Bounds of `expect`. Before the first write, where the number of rows is known: an error, or nothing.
std::optional<StepEnd> refuse_unexpected(const Writing& writing, std::int64_t rows);
// Rows that were left out while the set was read: told, counted with those of the step's clauses, and held against `expect skipped`.
std::optional<StepEnd> leave_out(Writing& writing, const std::vector<LeftOut>& parts);
// Rows that the chunks of earlier runs have left out when their turn came.
Result<void> skipped_before(Writing& writing);
// A guarded step, proved on a copy of its rows before the first write: an error, or nothing. `engine` computes `program`.
std::optional<StepEnd> refuse_unproved(const Writing& writing, const program::Program& program, connect::Connector& engine);
inline constexpr const char* help_to_guard = "make the `where` false once the change is made, or say `once` in the step";
// At the end: lower bounds, the step's generation closed, the story told.
StepEnd finish(Writing& writing);
// Nothing to change: recorded as a generation that is done at once; `also` in the same transaction.
StepEnd finish_empty(Writing& writing, const char* route, std::int64_t generation, const std::function<Result<void>()>& also = {});
// Rows that refer to rows that the step would delete, before the first of them goes: an error, or nothing. `engine` computes
// `program`.
std::optional<StepEnd> refuse_left_behind(const Writing& writing, const program::Program& program, connect::Connector& engine);

StepEnd direct_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open);
// An `sql` step (raw_write.cpp).
inline constexpr const char* raw_route = "sql";
StepEnd raw_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open);
StepEnd sealed_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open);

}  // namespace bfl::run
