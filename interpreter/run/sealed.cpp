// The sealed route: what is intended is read in one snapshot, or from a kept plan, kept in the target, and then applied row by row by
// compare-and-set. `once` steps keep keys alone: their values are computed from the row when its turn comes, but for those of a plan.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/intended.h"
#include "interpreter/run/kept_origins.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/meeting_rows.h"
#include "interpreter/run/seal_around.h"
#include "interpreter/run/sealed_set.h"
#include "interpreter/run/stages.h"
#include "interpreter/run/workbench.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using ledger::Key;
using ledger::Stored;

constexpr std::int64_t first_rows = 2'000;

// Lane positions are ordinals in the sealed list.
Key ordinal(std::int64_t number) { return {Stored::of(ledger::number(number))}; }
std::int64_t position(const std::optional<Key>& cursor) { return cursor && !cursor->empty() ? (*cursor)[0].integer : 0; }

// Where a chunk or a stage of so many rows ends: not between rows that go together.
Result<std::int64_t> end_between(SealedSet& set, std::int64_t to, std::int64_t rows) {
  for (; set.sequenced() && to < rows; ++to) {
    auto last = set.row(to - 1);
    if (!last) return last.error();
    if ((*last)->reason.empty()) break;
  }
  return to;
}

// Of a rollout by key a stretch of the list; by hash the list once more, for other rows of it.
std::optional<StepEnd> begin_stage(Writing& writing, SealedSet& set, Stages& stages, const ledger::Lane& before) {
  const std::string share = stages.next_share();
  const bool by_hash = writing.step.rollout && writing.step.rollout->by_hash;
  auto end = by_hash || share == "100" ? Result<std::int64_t>(stages.rows()) : end_between(set, Stages::rows_up_to(share, stages.rows()), stages.rows());
  if (!end) return writing.fail(end.error());
  std::vector<ledger::Writer::LaneRange> lanes;
  if (by_hash) lanes.push_back({std::nullopt, ordinal(*end)});
  else if (position(before.upto) < *end) lanes.push_back({before.upto, ordinal(*end)});
  if (auto begun = stages.begin(share, lanes); !begun) return writing.fail(begun.error());
  return std::nullopt;
}

// The same of the first stage, of a list that is not in the target yet.
Result<std::int64_t> first_end(const SealedSet& set, std::int64_t to, const ledger::Writer::BlockSource& blocks) {
  if (!set.sequenced()) return to;
  std::int64_t number = 0;
  auto read = each_planned(blocks, [&](const ledger::Record& record) {
    if (++number < to) return true;
    if (record.reason.empty()) return false;
    ++to;
    return true;
  });
  if (!read) return read.error();
  return to;
}

std::optional<StepEnd> open_sealed(Writing& writing, SealedSet& set, const char* route, const Decision& decision, std::int64_t rows, const ledger::Writer::BlockSource& blocks) {
  Context& context = writing.context;
  fault_point("before_seal");
  const auto& rollout = writing.step.rollout;
  const std::string share = rollout ? rollout->stages.front().percent.to_string() : "";
  auto end = rollout && !rollout->by_hash ? first_end(set, Stages::rows_up_to(share, rows), blocks) : Result<std::int64_t>(rows);
  if (!end) return writing.fail(end.error());
  auto opened = writing.writer.open({writing.step.name, route, set.intents().own.select.text, &writing.step_plan.key, decision.generation, ordinal(*end), rows,
                                     [&set] { return set.make_tables(); }, ledger::describe(writing.tables), to_text(writing.measured), {}, share, rows, ledger::describe(kept_origins(context.program, writing.step)), writing.reads()},
                                    blocks);
  if (!opened) return writing.fail(opened.error());
  writing.id = *opened;
  fault_point("after_seal");
  Event staged = context.event(EventKind::step_staged, writing.step);
  staged.rows_total = rows;
  staged.reason = fmt::format("{} rows are sealed", rows);
  staged.query = set.intents().own.select.text;
  context.tell(staged);
  return std::nullopt;
}

std::optional<StepEnd> seal(Writing& writing, SealedSet& set, const char* route, const Decision& decision, bool& empty) {
  Context& context = writing.context;
  const bool again =
      std::find(context.options.again.begin(), context.options.again.end(), writing.step.name) != context.options.again.end();
  auto bench = Workbench::open(context.program, writing.step, context.targets, context.evaluation(writing.source));
  if (!bench) return writing.fail(bench.error());
  if (auto end = refuse_left_behind(writing, (*bench)->program(), (*bench)->engine())) return end;
  Spool spool;
  std::int64_t aside = 0;
  const Intention intention{context.program, writing.step, writing.target, context.evaluation(writing.source), again, redoes_part(writing.step, decision), [&context] { return context.run_ends(); }};
  std::optional<MeetingRows> meeting;
  if (program::adds_rows(writing.step.kind)) meeting.emplace(context.program, writing.step);
  auto collected = collect(intention, set.intents(), set.hands(), set.once(), (*bench)->engine(), spool, meeting ? &*meeting : nullptr);
  const bool around = !collected && collected.error().kind == ErrorClass::data && writing.most_quarantined >= 0 && may_seal_around(intention, set.hands(), set.once(), **bench);
  if (around) {
    Spool parts;
    auto counted = collect_around(intention, set.intents(), set.hands(), **bench, writing.most_quarantined, parts);
    collected = counted ? Result<void>{} : Result<void>{counted.error()};
    aside = counted ? *counted : 0;
    spool.swap(parts);
  }
  if (collected && spool.rows() > aside)
    if (auto end = refuse_unproved(writing, (*bench)->program(), (*bench)->engine())) return end;
  bench->reset();
  if (!collected && meeting && meeting->refused()) return writing.fail(meeting->error(context.targets, context.evaluation(writing.source), set.hands()));
  if (!collected) {
    Error error = with_row(context.program, writing.step, context.targets, context.evaluation(writing.source), collected.error(),
                           [&](const program::Program& naming) { return rows_asked(naming, writing.step); });
    if (writing.most_quarantined >= 0 && error.kind == ErrorClass::data && !around)
      error.help = "the values of all rows are computed at once before the first is changed, and with those of other rows, so that none can be set aside: leave such rows out, `skip where C \"reason\"`";
    return writing.fail(error);
  }
  if (meeting)
    if (auto end = leave_out(writing, meeting->left_out)) return end;
  empty = spool.rows() == 0;
  if (empty) return std::nullopt;
  if (auto end = refuse_unexpected(writing, spool.changed() - aside)) return end;
  if (auto end = context.pause(writing.step, writing.source)) return end;  // it may have taken hours
  return open_sealed(writing, set, route, decision, spool.rows(), [&spool](bool from_start) { return spool.next(from_start); });
}

// What a kept plan holds of the step, and nothing else.
std::optional<StepEnd> seal_planned(Writing& writing, SealedSet& set, const Decision& decision, bool& empty) {
  const KeptPlan& plan = *writing.context.options.kept;
  const std::string& step = writing.step.name;
  const std::int64_t rows = plan.step(step)->rows;
  empty = rows == 0;
  if (empty) return std::nullopt;
  if (auto end = refuse_unexpected(writing, rows)) return end;
  return open_sealed(writing, set, plan.route().c_str(), decision, plan.planned_rows(step), plan.blocks(step));
}

StepEnd row_failed(Writing& writing, const SealedSet& set, const Error& error) {
  const Context& context = writing.context;
  const program::Step& step = writing.step;
  if (!set.at() || error.kind != ErrorClass::data) return writing.fail(error);
  Error told = error;
  told.row = named(context.program, step, set.at()->table, set.at()->key);
  tell_references(context.program, step, told);
  if (program::adds_rows(step.kind))
    if (const auto causes = causes_of(context.program, step, context.targets, context.evaluation(writing.source), set.hands().key, set.at()->key); !causes.empty()) told.row += ", made from the row with " + causes[0].row;
  return writing.fail(told);
}

}  // namespace

StepEnd sealed_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open) {
  Context& context = writing.context;
  const program::Step& step = writing.step;
  const Arrangement arrangement = arrange(context.program, step);
  const PlannedStep* planned = context.options.kept ? context.options.kept->step(step.name) : nullptr;
  auto intents = lower::intents(arrangement.program(), planned ? with_values(step) : step, arrangement.dialect(), true);
  if (!intents) return writing.fail(intents.error());
  auto recompute = !planned && arrangement.home == writing.source ? lower::recompute(arrangement.program(), step, arrangement.dialect()) : lower::Statement{};
  if (!recompute) return writing.fail(recompute.error());
  SealedSet set(writing, std::move(*intents), lower::hands(context.program, step, context.dialect(writing.source)), std::move(*recompute));
  if (auto prepared = set.prepare(); !prepared) return writing.fail(prepared.error());
  if (!open) {
    bool empty = false;
    if (auto end = planned ? seal_planned(writing, set, decision, empty) : seal(writing, set, route, decision, empty)) return *end;
    if (empty) return finish_empty(writing, route, decision.generation, [&set] { return set.make_tables(); });
  }
  if (open)
    if (auto known = skipped_before(writing); !known) return writing.fail(known.error());
  if (auto opened = set.open_tables(); !opened) return writing.fail(opened.error());
  auto lane = writing.writer.newest_lane(writing.id);
  if (!lane) return writing.fail(lane.error());
  Stages stages(writing);
  if (auto read = stages.read(!open); !read) return writing.fail(read.error());
  stages.tell_begun();
  if (step.rollout && step.rollout->by_hash) set.narrow([&stages](connect::RawRow key) { return stages.holds(key); });
  writing.rows = step.chunk_rows.value_or(first_rows);
  writing.rows_total = std::max(position(lane->upto), stages.rows());
  writing.rows_done = position(lane->cursor);
  if (planned && !step.cascades.empty() && position(lane->cursor) < position(lane->upto))
    if (auto found = set.find_families(writing.rows_total); !found) return writing.fail(found.error());
  const NextChunk next = [&](const ledger::Lane& from) -> Result<Chunk> {
    const std::int64_t at = position(from.cursor);
    auto end = end_between(set, std::min(at + writing.rows, position(from.upto)), position(from.upto));
    if (!end) return end.error();
    const std::int64_t to = *end;
    Chunk chunk;
    chunk.hi = ordinal(to);
    chunk.rows = to - at;
    chunk.query = &set.query();
    chunk.change = [&set, at, to](ledger::ChunkFacts& facts) { return set.apply(at, to, facts); };
    chunk.keys = [&set, at, to] { return set.keys(at, to); };
    return chunk;
  };
  for (;;) {
    while (position(lane->cursor) < position(lane->upto)) {
      if (auto end = context.pause(step, writing.source)) return *end;
      set.forget_place();
      if (auto committed = commit_or_set_aside(writing, *lane, next); !committed) return row_failed(writing, set, committed.error());
      for (const auto& [key, reason] : set.take_set_aside()) tell_quarantined(writing, key, reason);
    }
    if (!stages.another()) break;
    if (auto end = stages.leave()) return *end;
    if (auto end = begin_stage(writing, set, stages, *lane)) return *end;
    if (lane = writing.writer.newest_lane(writing.id); !lane) return writing.fail(lane.error());
  }
  if (auto end = stages.leave()) return *end;
  return finish(writing);
}

}  // namespace bfl::run
