// One chunk: fence, change, images, schema, count, entry, commit; in that order and in one transaction (protocol.md, "A chunk").
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "interpreter/base/fault_points.h"
#include "interpreter/base/secrets.h"
#include "interpreter/connect/nested.h"
#include "interpreter/ledger/in_between.h"
#include "interpreter/lower/keyed.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/pace.h"
#include "interpreter/run/trace.h"
#include "interpreter/run/workers.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

constexpr int places_key = 0x62666c70;      // "bflp": of the advisory locks that `at_once` takes
constexpr int commit_attempts = 5;          // of one transaction that is still open
constexpr std::size_t slack = 4;            // images may exceed their target size by this factor before a chunk is cut off

// Rows of other tables, and rows changed by triggers: by table, how many.
using Elsewhere = std::map<std::string, std::int64_t, std::less<>>;

Error undeclared(const Elsewhere& elsewhere, const std::string& own, bool sql) {
  std::string list;
  for (const auto& [table, rows] : elsewhere)
    list += fmt::format("{}`{}`{} ({} row{})", list.empty() ? "" : ", ", table, table == own ? " itself" : "", rows, rows == 1 ? "" : "s");
  return {ErrorClass::refused, fmt::format("the change would change more than the step says: {}", list), {},
          sql ? "say it with `writes`: a table for its rows, or its columns; where a trigger does it, take it off for the run" : "a trigger or cascade of the database does that; take it off for the run, or say its change as a step of its own"};
}

struct Tally {
  std::int64_t seen = 0, changed = 0;
  Elsewhere elsewhere;
};

struct Told {                                // a chunk that will have been committed
  Event event;
  ledger::Lane lane;                         // behind it
  std::int64_t changed = 0, conflicts = 0, quarantined = 0, rows = 0;
  std::vector<LeftOut> skipped;
  std::vector<ledger::Conflict> conflicting;
  bool rest = false;
};

struct Attempt {
  Writing& writing;
  std::string id = new_attempt();
  std::string earlier{};
  std::vector<Told> told{};
  double waited = 0;                // seconds for a place where a source bounds them

  // Everything of a chunk but the commit; `lane` moves on.
  Result<void> chunk(ledger::Lane& lane, const Chunk& chunk) {
    Context& context = writing.context;
    const double began = context.clock.seconds();
    if (auto moved = writing.writer.fence(lane, chunk.hi); !moved) return moved;
    fault_point("after_fence");

    ledger::ChunkFacts facts;
    Tally tally;
    writing.skipping.clear();
    watch(tally, chunk.rows > 1);
    writing.target.walks(chunk.rest ? 0 : chunk.rows);
    auto meant = chunk.change(facts);
    writing.target.stop_observing();
    fault_point("after_change");
    if (meant && *meant < 0) writing.too_large = true;
    if (writing.too_large) return Error{ErrorClass::transient, "the images of the chunk exceed their limit"};
    if (!meant) return meant.error();
    if (auto same = same_schema(context, writing.step, writing.target); !same) return same;
    if (!tally.elsewhere.empty()) {
      writing.undeclared = true;
      return undeclared(tally.elsewhere, writing.table.name, writing.step.sql.has_value());
    }
    if (chunk.told && *meant != tally.seen)
      return Error{ErrorClass::fatal,
                   fmt::format("the database says that it changed {} rows, and {} were seen to change", *meant, tally.seen),
                   {},
                   "please report this: nothing of the chunk was kept"};

    facts.changed = tally.changed;
    facts.query = *chunk.query;
    facts.attempt = id;
    facts.earlier_errors = earlier;
    auto counted = count(lane, facts);
    if (!counted) return counted.error();
    if (!*counted && facts.quarantined > 0) return Error{ErrorClass::over_limit, fmt::format("{} rows are in quarantine already", writing.most_quarantined)};
    if (!*counted)
      return Error{ErrorClass::over_limit, fmt::format("more rows match than the {} that `expect` allows{}", writing.limit, writing.limit_share.empty() ? "" : ", " + writing.limit_share), {},
                   "look at what the step selects with `bfl plan`; mend the step or its `expect`"};
    ledger::Pack pack = writing.pack.finish();
    raw_bytes += pack.raw_bytes;
    if (auto added = writing.writer.append(lane, chunk.hi, pack, facts); !added) return added;
    fault_point("after_entry");

    Told& now = told.emplace_back();
    now.event = context.event(EventKind::chunk_committed, writing.step);
    now.event.rows_read = now.rows = chunk.rows;
    now.event.rows_changed = now.changed = facts.changed;
    now.event.conflicts = now.conflicts = facts.conflicts;
    now.event.quarantined = now.quarantined = facts.quarantined;
    now.conflicting = std::move(pack.conflicts);
    // On the direct route a lane goes by the rows' keys, else by their numbers.
    const auto bound = [&](const ledger::Key& key) { return writing.step.route == program::Route::direct ? display_key(context.program, writing.step, key) : ledger::display(key); };
    now.event.from_key = lane.cursor ? bound(*lane.cursor) : "";
    now.event.to_key = bound(chunk.hi);
    now.event.query = *chunk.query;
    now.event.seconds = context.clock.seconds() - began;
    now.event.span = id;
    now.skipped = std::move(writing.skipping);
    now.rest = chunk.rest;
    ++lane.seq;
    lane.cursor = chunk.hi;
    now.lane = lane;
    return {};
  }
  std::int64_t raw_bytes = 0;
  std::int64_t reserved = 0;  // of what may be changed, until it is told

  std::int64_t aside = 0;     // of what may be set aside, likewise

  ~Attempt() {
    if (reserved == 0 && aside == 0) return;
    std::lock_guard lock(writing.context.shared);
    writing.of->in_flight -= reserved;
    writing.of->setting_aside -= aside;
  }
  explicit Attempt(Writing& writing_) : writing(writing_) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

 private:
  // Workers would wait for each other at the step's row. They are of one process, the only one of this epoch: it counts by
  // itself, and keeps the limit.
  Result<bool> count(const ledger::Lane& lane, const ledger::ChunkFacts& facts) {
    if (!writing.of) return writing.writer.count(lane.step, {facts.changed, facts.conflicts, facts.quarantined}, writing.limit, writing.most_quarantined);
    std::lock_guard lock(writing.context.shared);
    Writing& all = *writing.of;
    if (writing.limit >= 0 && all.changed + all.in_flight + facts.changed > writing.limit) return false;
    if (facts.quarantined > 0 && all.quarantined + all.setting_aside + facts.quarantined > writing.most_quarantined) return false;
    all.in_flight += facts.changed;
    reserved += facts.changed;
    all.setting_aside += facts.quarantined;
    aside += facts.quarantined;
    return true;
  }

  void watch(Tally& tally, bool may_cut) {
    std::vector<int> assigned = lower::shown_after(writing.context.program, writing.step, writing.context.dialect(writing.source));
    for (std::size_t c = 0; writing.step.sql && c < writing.table.columns.size(); ++c) assigned.push_back(static_cast<int>(c));
    const std::int64_t most = may_cut ? static_cast<std::int64_t>(slack * writing.context.options.max_pack_bytes) : -1;
    const bool keep_equal = writing.step.idempotence == program::Idempotence::once && !writing.step.sql;  // it was applied, whatever came of it
    writing.target.observe(
        [this, &tally, most, keep_equal](const connect::RowChange& change) {
          if (writing.trying) return;
          if (!writing.speaks_of(change)) {
            const auto found = tally.elsewhere.find(change.table);
            if (found != tally.elsewhere.end()) ++found->second;
            else if (tally.elsewhere.size() < 8) tally.elsewhere.emplace(change.table, 1);
            return;
          }
          ++tally.seen;
          if (change.kind == connect::ChangeKind::update && change.changed.empty() && !keep_equal) return;
          tally.changed += !writing.in_between;
          note(change);
          if (most >= 0 && writing.pack.raw_bytes() > most && !writing.too_large) {
            writing.too_large = true;  // the statement ends, the transaction is rolled back, fewer rows are tried
            writing.target.interrupt();
          }
        },
        writing.table.name, std::move(assigned));
  }

  void note(const connect::RowChange& change) {
    const bool own = change.table == writing.table.name;
    connect::RowChange noted = change;
    if (change.kind == connect::ChangeKind::insert) noted.before = writing.cause;
    writing.pack.add(noted, own, writing.in_between ? ledger::in_between : std::string_view());
    if (writing.step.effects.empty() || !own || writing.in_between) return;
    const auto& row = change.kind == connect::ChangeKind::insert ? change.after : change.before;
    writing.seen = ledger::key_of(row, row.size());
    for (const int column : change.changed) (*writing.seen)[static_cast<std::size_t>(column)] = ledger::Stored::of(change.after[static_cast<std::size_t>(column)]);
  }
};

// While it lives, transactions bear the label.
class Labelled {
 public:
  Labelled(connect::Connector& target, const connect::Label& label) : target_(target) { target_.label(label); }
  ~Labelled() { target_.label({}); }
  Labelled(const Labelled&) = delete;
  Labelled& operator=(const Labelled&) = delete;

 private:
  connect::Connector& target_;
};

Error asked_to_stop() { return {ErrorClass::interrupted, "asked to stop"}; }

// Begins the transaction; where the source bounds how many chunks are under way, as soon as there is a place for it. A place is an advisory
// lock, which goes with the transaction whatever becomes of it.
Result<void> begin_in_turn(Writing& writing) {
  constexpr double long_wait = 2;  // seconds
  Context& context = writing.context;
  const int places = at_once_of(writing);
  if (places == 0) return writing.target.begin_write();
  std::mt19937 random{std::random_device{}()};
  bool told = false;
  for (const double began = context.clock.seconds();;) {
    if (auto begun = writing.target.begin_write(); !begun) return begun;
    const auto taken = one_number(writing.target, {.text = fmt::format("SELECT count(*) FROM (SELECT 1 FROM generate_series(1, {}) AS n WHERE pg_try_advisory_xact_lock({}, n) LIMIT 1) AS taken", places, places_key)}, eval::Context{});
    if (!taken) return taken.error();
    if (*taken > 0) return {};
    writing.target.rollback();
    // Workers are stopped by whoever watches over them.
    if (!writing.of && context.pause(writing.step, writing.source)) return asked_to_stop();
    if (!told && context.clock.seconds() - began >= long_wait) {
      Event event = context.event(EventKind::held_back, writing.step);
      event.reason = fmt::format("`at_once: {}`: others have all places", places);
      context.tell(event);
      told = true;
    }
    if (!context.wait(std::uniform_real_distribution<double>(0.02, 0.1)(random), writing.of ? -1 : writing.source)) return asked_to_stop();
  }
}

// Others that wait for a lock of this very transaction, which holds all of its own by now. A short one is hardly met.
Result<void> see_who_is_blocked(Writing& writing, double began) {
  constexpr double short_one = 0.05;  // seconds
  Context& context = writing.context;
  writing.waiting = 0;
  const bool asked = context.pacer && context.pacer->asks_who_is_blocked(writing.source);
  if (context.dialect(writing.source) != lower::Dialect::postgres || (!asked && context.clock.seconds() - began < short_one)) return {};
  const auto waiting = one_number(writing.target, {.text = "SELECT count(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid"
                                                           " WHERE NOT l.granted AND a.application_name NOT LIKE 'bfl%' AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))"}, eval::Context{});
  if (!waiting) return waiting.error();
  writing.waiting = *waiting;
  {
    std::lock_guard lock(context.shared);
    context.most_waiting = std::max(context.most_waiting, writing.waiting);
  }
  if (asked) context.pacer->blocked(writing.source, static_cast<double>(writing.waiting));
  return {};
}

Result<void> one_transaction(Writing& writing, ledger::Lane& lane, const NextChunk& next, Attempt& attempt) {
  // Choosing where a chunk ends needs no lock; only a whole step must see nothing but its own snapshot.
  Result<Chunk> chunk = Error{};
  if (!writing.whole) {
    chunk = next(lane);
    if (!chunk) return chunk.error();
  }
  const Context& context = writing.context;
  const double began = context.clock.seconds();
  const Labelled labelled(writing.target, label_of(context.options.run_id, context.options.trace, context.program.job, writing.step.name, lane.lane > 0 ? fmt::format("{}.{}", lane.lane, lane.seq + 1) : fmt::format("{}", lane.seq + 1), attempt.id));
  if (auto begun = begin_in_turn(writing); !begun) return begun;
  attempt.waited = context.clock.seconds() - began;
  fault_point("after_begin");
  do {
    if (writing.whole) chunk = next(lane);
    if (!chunk) return chunk.error();
    if (auto done = attempt.chunk(lane, *chunk); !done) return done;
  } while (writing.whole && ledger::encode(*lane.cursor) != ledger::encode(lane.upto));
  if (auto seen = see_who_is_blocked(writing, began); !seen) return seen;
  fault_point("before_commit");
  auto committed = writing.target.commit();
  // With the transaction still open the very same COMMIT may be sent again on this connection.
  for (int again = 1;
       !committed && committed.error().kind == ErrorClass::transient && writing.target.in_transaction() && again < commit_attempts; ++again)
    committed = writing.target.commit();
  return committed;
}

// `row 7: the row is gone`, and of another table than the step's `lines 7: …`. What is sensitive of its key stays unsaid.
std::string named(const Writing& writing, const ledger::Conflict& conflict) {
  const program::Program& program = writing.context.program;
  std::string row;
  if (conflict.table.empty()) {
    row = "row " + display_key(program, writing.step, conflict.key);
  } else {
    row = conflict.table;
    for (const Table& table : program.catalogues[static_cast<std::size_t>(writing.source)].tables)
      if (const Key* key = table.identity(); table.name == conflict.table && key && key->columns.size() == conflict.key.size()) row += " " + display_key(table, key->columns, conflict.key);
  }
  return row + ": " + without_secrets(conflict.reason);
}

void tell(Writing& worker, Attempt& attempt, double began) {
  Context& context = worker.context;
  std::lock_guard lock(context.shared);
  Writing& writing = worker.of ? *worker.of : worker;
  writing.in_flight -= std::exchange(attempt.reserved, 0);
  writing.setting_aside -= std::exchange(attempt.aside, 0);
  for (const Told& told : attempt.told) {
    writing.chunks += 1;
    writing.changed += told.changed;
    writing.conflicts += told.conflicts;
    writing.quarantined += told.quarantined;
    writing.rows_done += told.rows;
    // The last chunk of a worker's lane counts as many rows as it might have had.
    if (worker.of && writing.rows_total >= 0) writing.rows_done = std::min(writing.rows_done, writing.rows_total);
    for (const LeftOut& part : told.skipped) add(writing.skipped, part);
    context.count([&](Outcome& outcome) {
      outcome.changed += told.changed;
      outcome.conflicts += told.conflicts;
    });
    if (context.pacer) context.pacer->spent(told.changed, began);
    Event event = told.event;
    for (const ledger::Conflict& conflict : told.conflicting)
      if (writing.conflicts_named < ledger::conflicts_named) ++writing.conflicts_named, event.keys.push_back(named(writing, conflict));
    event.chunk = writing.chunks;
    event.rows_total = writing.rows_total;
    event.rows_done = writing.rows_done;
    event.beside = writing.beside;
    context.tell(event);
  }
  context.count([&](const Outcome&) {
    if (context.whole.chunks_left > 0) --context.whole.chunks_left;
    context.whole.breaker.note(false);
  });
  context.note_chunks(writing.source, writing.id, writing.chunks);
}

// Rows a second; 0: any number, or as many as the step says.
double pace_of(const Writing& writing) { return writing.context.pacer && !writing.step.chunk_rows ? writing.context.pacer->rate() : 0; }

void resize(Writing& writing, const Attempt& attempt, double seconds) {
  const Told& last = attempt.told.back();
  if (writing.step.chunk_rows || last.rest) return;
  // Each worker has memory of its own. A server's commits are dear, and rows come in batches where most of those walked change;
  // else those that change are in memory a second time, as they came.
  const bool server = writing.context.dialect(writing.source) == lower::Dialect::postgres, most_change = last.changed * 3 > last.rows;
  const double share = writing.of ? 0.5 : !server ? 1.0 : most_change ? 1.5 : 0.75;
  const run::Options& options = writing.context.options;
  const ChunkAim aim{options.target_chunk_seconds, static_cast<std::int64_t>(share * static_cast<double>(options.max_pack_bytes)), pace_of(writing)};
  // The last chunk of a lane may have walked fewer rows than it was made for.
  const std::int64_t changed = last.rows > 0 ? last.changed * writing.rows / last.rows : last.changed;
  writing.rows = writing.size.after({writing.rows, changed, attempt.raw_bytes, seconds, writing.waiting}, aim);
}

// Why a chunk that failed for a while is not tried once more; nothing: it is.
std::optional<Error> given_up(Context& context, const program::Retry& retry, std::int64_t failures, const Error& error, bool one_transaction) {
  std::lock_guard lock(context.whole.mutex);
  Breaker& breaker = context.whole.breaker;
  breaker.note(true);
  if (one_transaction) return Error{error.kind, error.message, error.detail, fmt::format("it is one transaction, in one state of the database: `{}` begins it anew", context.options.goes_on_by)};
  const std::string help = fmt::format("see what keeps the database busy; `{}` goes on behind the last chunk", context.options.goes_on_by);
  if (failures > retry.times)
    return Error{error.kind, fmt::format("{}; tried {} time{}", error.message, failures, failures == 1 ? "" : "s"), error.detail, error.help.empty() ? help : error.help};
  if (breaker.open())
    return Error{error.kind, fmt::format("{}; {} of the last {} transactions failed", error.message, breaker.failures(), breaker.looked_at()),
                 error.detail, help};
  return std::nullopt;
}

}  // namespace

Result<void> commit_chunks(Writing& writing, ledger::Lane& lane, const NextChunk& next) {
  Context& context = writing.context;
  std::string earlier;
  const program::Retry& retry = retry_of(context.program, writing.step);
  for (std::int64_t failures = 0;;) {
    const double began = context.clock.seconds();
    if (const double pace = pace_of(writing); pace > 0) writing.rows = writing.size.at_pace(writing.rows, pace);
    Attempt attempt{writing};
    attempt.earlier = earlier;
    writing.too_large = false;
    writing.undeclared = false;
    ledger::Lane moved = lane;
    auto committed = one_transaction(writing, moved, next, attempt);
    fault_point("after_commit");
    if (!committed) {
      if (writing.target.in_transaction()) writing.target.rollback();
      writing.pack.discard();
    }
    if (!committed && committed.error().kind == ErrorClass::unknown_commit) {
      // The lane knows. If it cannot be asked, the next run asks it.
      auto mine = writing.writer.committed(lane, attempt.id);
      writing.in_doubt = !mine;
      if (!mine && mine.error().kind != ErrorClass::held && mine.error().kind != ErrorClass::refused) return committed;
      if (!mine) return mine.error();
      if (*mine) committed = Result<void>{};
      else committed = Error{ErrorClass::transient, "the connection was lost during the commit, and nothing was committed", committed.error().detail};
    }
    if (committed) {
      tell(writing, attempt, began);
      fault_point("after_note");
      lane = moved;
      resize(writing, attempt, context.clock.seconds() - began - attempt.waited);
      return {};
    }
    if (writing.too_large && writing.rows > 1) {
      writing.rows = std::max<std::int64_t>(1, writing.rows / 8);
      if (context.stop.level.load() < 2) continue;
    }
    if (committed.error().kind != ErrorClass::transient) return committed;
    if (context.stopping()) return asked_to_stop();
    ++failures;
    if (auto reason = given_up(context, retry, failures, committed.error(), connect::in_one_transaction(writing.target))) return *reason;
    if (!writing.step.chunk_rows) writing.rows = ChunkSize::after_failure(writing.rows);
    earlier += fmt::format("{}attempt {}: {}", earlier.empty() ? "" : "; ", failures, committed.error().message);
    const double seconds = backoff(retry, failures);
    std::unique_lock lock(context.shared);
    Event retried = context.event(EventKind::chunk_retried, writing.step);
    retried.chunk = (writing.of ? *writing.of : writing).chunks + 1;
    retried.seconds = seconds;
    retried.reason = fmt::format("{}; repetition {} of {} follows in {:.1f} s", committed.error().message, failures, retry.times, seconds);
    context.tell(retried);
    lock.unlock();
    if (!context.wait(seconds, writing.of ? -1 : writing.source)) return asked_to_stop();
  }
}

}  // namespace bfl::run
