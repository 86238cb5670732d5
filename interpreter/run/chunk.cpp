// One chunk: fence, change, images, count, entry, commit; in that order and in one transaction (protocol.md, "A chunk").
#include <fmt/format.h>

#include <chrono>
#include <random>
#include <thread>

#include "interpreter/run/context.h"
#include "interpreter/run/fault_points.h"

namespace bfl::run {
namespace {

constexpr int max_attempts = 5;

std::string new_attempt() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

Error undeclared(const std::string& table) {
  return {ErrorClass::refused, fmt::format("the change would also change `{}`, which the step does not declare", table), {},
          "a trigger or cascade of the database does that; take it off for the run, or say it as a step of its own"};
}

// Everything of the chunk but the commit.
Result<ChunkEnd> attempt_chunk(Context& context, const program::Step& step, ChunkWork& work, ledger::PackWriter& pack, std::int64_t schema_version,
                               ledger::ChunkFacts& facts) {
  connect::Connector& target = *context.targets[static_cast<std::size_t>(step.target.source)];
  ledger::Writer& writer = *context.writers[static_cast<std::size_t>(step.target.source)];
  const Table& table = context.program.table(step.target);
  if (auto begun = target.begin_write(); !begun) return begun.error();
  fault_point("after_begin");
  if (auto moved = writer.fence(work.lane, work.hi); !moved) return moved.error();
  fault_point("after_fence");

  std::vector<int> assigned;
  for (const program::Assignment& assignment : step.assignments) assigned.push_back(assignment.column);
  std::string elsewhere;
  std::int64_t seen = 0;
  target.observe(
      [&](const connect::RowChange& change) {
        const bool own = change.depth == 0 && change.kind == connect::ChangeKind::update && change.table == table.name;
        if (!own) {
          if (elsewhere.empty()) elsewhere = std::string(change.table);
          return;
        }
        ++seen;
        pack.add(change, true);
      },
      table.name, assigned);
  auto meant = work.change(pack, facts);
  target.stop_observing();
  fault_point("after_change");
  if (!meant) return meant.error();
  if (!elsewhere.empty()) return undeclared(elsewhere);
  if (*meant != seen)
    return Error{ErrorClass::fatal, fmt::format("{} rows were to change, and {} did", *meant, seen), {}, "the database does not do what it was asked; nothing of this chunk is kept"};

  auto version = target.schema_version();
  if (!version) return version.error();
  if (*version != schema_version)
    return Error{ErrorClass::stale_schema, "the schema changed while the step was running", {}, "run again: the job is checked against the new schema first"};

  facts.changed = seen;
  facts.query = work.query;
  const std::int64_t limit = limit_of(step);
  auto counted = writer.count(work.lane.step, facts.changed, facts.conflicts, limit);
  if (!counted) return counted.error();
  if (!*counted)
    return Error{ErrorClass::over_limit, fmt::format("this chunk would bring the changed rows above {}, which `expect` allows", limit), {},
                 "look at what the step selects with `bfl plan`; mend the step or its `expect`"};
  ChunkEnd end{facts.changed, facts.conflicts, pack.raw_bytes(), 0};
  const ledger::Pack finished = pack.finish();
  if (auto added = writer.append(work.lane, work.hi, finished, facts); !added) return added.error();
  fault_point("before_commit");
  return end;
}

}  // namespace

Result<ChunkEnd> commit_chunk(Context& context, const program::Step& step, ChunkWork& work, ledger::PackWriter& pack, std::int64_t schema_version) {
  connect::Connector& target = *context.targets[static_cast<std::size_t>(step.target.source)];
  ledger::Writer& writer = *context.writers[static_cast<std::size_t>(step.target.source)];
  std::string earlier;
  for (int attempt = 1;; ++attempt) {
    const double begun = context.clock.seconds();
    ledger::ChunkFacts facts;
    facts.attempt = new_attempt();
    facts.earlier_errors = earlier;
    auto end = attempt_chunk(context, step, work, pack, schema_version, facts);
    Result<void> committed = end ? target.commit() : Result<void>{end.error()};
    // BUSY with the transaction still open: the very same COMMIT may be sent again on this connection.
    for (int again = 0; end && !committed && committed.error().kind == ErrorClass::transient && target.in_transaction() && again < max_attempts; ++again)
      committed = target.commit();
    fault_point("after_commit");
    if (!committed && target.in_transaction()) target.rollback();
    if (!committed && committed.error().kind == ErrorClass::unknown_commit) {
      auto mine = writer.committed(work.lane, facts.attempt);
      if (!mine) return committed.error();
      if (*mine) committed = Result<void>{};
    }
    if (committed) {
      end->seconds = context.clock.seconds() - begun;
      Event told = context.event(EventKind::chunk_committed, step);
      told.chunk = work.lane.seq;
      told.rows_read = work.rows;
      told.rows_changed = end->changed;
      told.conflicts = end->conflicts;
      told.seconds = end->seconds;
      told.from_key = work.lane.cursor ? ledger::display(*work.lane.cursor) : "";
      told.to_key = ledger::display(work.hi);
      told.query = work.query;
      context.tell(told);
      ++work.lane.seq;
      work.lane.cursor = work.hi;
      if (context.chunks_left > 0) --context.chunks_left;
      context.outcome.changed += end->changed;
      context.outcome.conflicts += end->conflicts;
      const auto noted = context.state.note_seq(context.identities[static_cast<std::size_t>(step.target.source)], work.lane.step, work.lane.seq);
      if (!noted && context.journal_failed) context.journal_failed = noted;
      fault_point("after_note");
      return end;
    }
    (void)pack.finish();  // images of what was rolled back
    if (committed.error().kind != ErrorClass::transient || attempt == max_attempts || context.stop.level.load() > 0) return committed.error();
    earlier += fmt::format("{}attempt {}: {}", earlier.empty() ? "" : "; ", attempt, committed.error().message);
    Event retried = context.event(EventKind::chunk_retried, step);
    retried.chunk = work.lane.seq;
    retried.reason = committed.error().message;
    context.tell(retried);
    std::this_thread::sleep_for(std::chrono::milliseconds(50 << attempt));
  }
}

}  // namespace bfl::run
