// The sealed route: what is intended is read in one snapshot, kept in the target, and then applied row by row by
// compare-and-set. `once` steps keep keys alone: their values are computed from the row when its turn comes.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/intent_rows.h"
#include "interpreter/run/sealed_set.h"
#include "interpreter/run/sequence.h"
#include "interpreter/run/spool.h"
#include "interpreter/run/workbench.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using ledger::Key;
using ledger::Stored;

constexpr std::int64_t block_bytes = 512 << 10;  // of planned rows: what is unpacked at a time
constexpr std::int64_t first_rows = 2'000;

// Lane positions are ordinals in the sealed list.
Key ordinal(std::int64_t number) { return {Stored::of(ledger::number(number))}; }
std::int64_t position(const std::optional<Key>& cursor) { return cursor && !cursor->empty() ? (*cursor)[0].integer : 0; }

class Collecting {
 public:
  Collecting(Writing& writing, const SealedSet& set, Workbench& bench, bool again) : writing_(writing), set_(set), bench_(bench), again_(again) {}

  // Rows that go before those of the step, and then its own.
  Result<void> run() {
    for (const lower::CascadeSet& cascade : set_.intents().cascades)
      if (auto collected = collect(cascade.select, cascade.intent, writing_.context.program.table(cascade.table).name, key_wires(cascade.table)); !collected) return collected;
    return collect(set_.intents().own.select, set_.intents().own.intent, {}, own_wires());
  }
  Spool spool{};

 private:
  Result<void> collect(const lower::Statement& statement, const lower::Intent& intent, std::string_view table, std::vector<lower::Wire> stored);

  std::vector<lower::Wire> key_wires(program::TableRef ref) const {
    std::vector<lower::Wire> wires;
    const Table& table = writing_.context.program.table(ref);
    for (const int column : table.identity()->columns) wires.push_back(lower::wire_of(table.columns[static_cast<std::size_t>(column)]));
    return wires;
  }
  // Of the key, the values, and what a later step reads of the row.
  std::vector<lower::Wire> own_wires() const {
    const program::Step& step = writing_.step;
    std::vector<lower::Wire> wires = set_.hands().key;
    for (const auto& expr : step.once_per) wires.push_back(lower::wire_of(expr->type));
    const auto of = [&](const Table& table, int column) { wires.push_back(lower::wire_of(table.columns[static_cast<std::size_t>(column)])); };
    for (std::size_t i = 0; i < set_.intents().own.intent.values; ++i) of(writing_.table, step.assignments[i].column);
    for (const program::Effect& effect : step.effects)
      if (effect.kind == program::EffectKind::inserted)
        for (std::size_t i = 0; i < set_.intents().own.intent.from; ++i) of(writing_.context.program.table(effect.table), static_cast<int>(writing_.table.columns.size() + i));
    return wires;
  }

  Writing& writing_;
  const SealedSet& set_;
  Workbench& bench_;
  bool again_;
};

// The rows that match, in one snapshot; of a `once` step without those that it has changed before. `again` takes them back
// in where they are as they were before the change.
Result<void> Collecting::collect(const lower::Statement& statement, const lower::Intent& intent, std::string_view table, std::vector<lower::Wire> stored) {
  Context& context = writing_.context;
  const program::Step& step = writing_.step;
  const bool once_per = !step.once_per.empty();
  ledger::ChangedRows before;
  if (step.once || once_per) {
    auto changed = writing_.writer.changed_rows(step.name, step.walk);
    if (!changed) return changed.error();
    before = std::move(*changed);
  }
  auto select = bench_.engine().prepare(statement, context.evaluation(writing_.source));
  if (!select) return select.error();
  std::vector<int> assigned;
  for (const program::Assignment& assignment : step.assignments) assigned.push_back(assignment.column);
  assigned.resize(std::min(assigned.size(), intent.values));
  for (std::size_t i = 0; i < intent.from; ++i) assigned.push_back(static_cast<int>(writing_.table.columns.size() + i));
  ledger::PackWriter pack;
  Result<void> kept;
  const auto flush = [&] { kept = spool.add(pack.finish()); };
  std::optional<Sequence> sequence;
  if (table.empty() && set_.sequenced()) sequence.emplace(writing_, set_.hands());
  IntentRows rows(intent, statement, std::move(stored), bench_.engine(), writing_.target);
  auto read = (*select)->query_raw({}, [&](RawRow row) {
    if (context.stop.level.load() > 0) kept = Error{ErrorClass::interrupted, "asked to stop"};
    if (kept) kept = rows.read(row);
    if (!kept) return false;
    if (!before.empty()) {
      const auto known = before.find(ledger::short_digest(rows.key()));
      if (known != before.end() && !(again_ && !once_per && known->second == ledger::short_digest(rows.image()))) return true;
    }
    if (sequence) {
      sequence->add(rows.key(), rows.image(), rows.values());
      return true;
    }
    if (set_.once()) pack.plan(rows.key(), {}, {}, {});
    else pack.plan(rows.key(), rows.image(), assigned, rows.values(), table);
    if (pack.raw_bytes() >= block_bytes) flush();
    return bool(kept);
  });
  if (!read) return read;
  if (sequence && kept) {
    auto given = sequence->finish([&](const Turn& turn) {
      const std::vector<int> none;
      pack.plan(ledger::views(turn.key), ledger::views(turn.image), turn.values.empty() ? none : assigned, ledger::views(turn.values), {},
                turn.together ? "with the next" : "");
      if (pack.raw_bytes() >= block_bytes && kept) flush();
      return kept;
    });
    if (!given) return given;
  }
  if (kept && pack.raw_bytes() > 0) flush();
  return kept;
}

std::optional<StepEnd> seal(Writing& writing, SealedSet& set, const char* route, const Decision& decision, bool& empty) {
  Context& context = writing.context;
  const bool again =
      std::find(context.options.again.begin(), context.options.again.end(), writing.step.name) != context.options.again.end();
  auto bench = Workbench::open(context.program, writing.step, context.targets, context.evaluation(writing.source));
  if (!bench) return writing.fail(bench.error());
  if (auto end = refuse_left_behind(writing, (*bench)->program(), (*bench)->engine())) return end;
  Collecting collecting(writing, set, **bench, again);
  Spool& spool = collecting.spool;
  auto collected = collecting.run();
  if (collected && spool.rows() > 0)
    if (auto end = refuse_unproved(writing, (*bench)->program(), (*bench)->engine())) return end;
  bench->reset();
  if (!collected) return writing.fail(collected.error());
  empty = spool.rows() == 0;
  if (empty) return std::nullopt;
  if (auto end = refuse_unexpected(writing, spool.rows())) return end;
  fault_point("before_seal");
  auto opened = writing.writer.open(
      {writing.step.name, route, set.intents().own.select.text, &writing.step_plan.key, decision.generation, ordinal(spool.rows()), spool.rows(),
       [&set] { return set.make_tables(); }, ledger::describe(writing.tables), to_text(writing.measured)},
      [&spool](bool from_start) { return spool.next(from_start); });
  if (!opened) return writing.fail(opened.error());
  writing.id = *opened;
  fault_point("after_seal");
  Event staged = context.event(EventKind::step_staged, writing.step);
  staged.rows_total = spool.rows();
  staged.reason = fmt::format("{} rows are sealed", spool.rows());
  staged.query = set.intents().own.select.text;
  context.tell(staged);
  return std::nullopt;
}

}  // namespace

StepEnd sealed_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open) {
  Context& context = writing.context;
  const program::Step& step = writing.step;
  const Arrangement arrangement = arrange(context.program, step);
  auto intents = lower::intents(arrangement.program(), step, arrangement.dialect(), true);
  if (!intents) return writing.fail(intents.error());
  auto recompute = arrangement.home == writing.source ? lower::recompute(arrangement.program(), step, arrangement.dialect()) : lower::Statement{};
  if (!recompute) return writing.fail(recompute.error());
  SealedSet set(writing, std::move(*intents), lower::hands(context.program, step, context.dialect(writing.source)), std::move(*recompute));
  if (step.once && step.walk.empty())
    return writing.fail(Code::no_row_identity,
                        {ErrorClass::refused,
                         fmt::format("rows of `{}` have no key by which a second change could be known", writing.table.name),
                         {},
                         "give the table a unique, not-null key, or write the step so that it may be repeated"});
  if (auto prepared = set.prepare(); !prepared) return writing.fail(prepared.error());
  if (!open) {
    bool empty = false;
    if (auto end = seal(writing, set, route, decision, empty)) return *end;
    if (empty) return finish_empty(writing, route, decision.generation, [&set] { return set.make_tables(); });
  }
  if (auto opened = set.open_tables(); !opened) return writing.fail(opened.error());
  auto lane = writing.writer.newest_lane(writing.id);
  if (!lane) return writing.fail(lane.error());
  writing.rows = step.chunk_rows.value_or(first_rows);
  writing.rows_total = position(lane->upto);
  writing.rows_done = position(lane->cursor);
  const NextChunk next = [&](const ledger::Lane& from) -> Result<Chunk> {
    const std::int64_t at = position(from.cursor);
    std::int64_t to = std::min(at + writing.rows, position(from.upto));
    while (set.sequenced() && to < position(from.upto)) {
      auto last = set.row(to - 1);
      if (!last) return last.error();
      if ((*last)->reason.empty()) break;
      ++to;
    }
    Chunk chunk;
    chunk.hi = ordinal(to);
    chunk.rows = to - at;
    chunk.query = &set.query();
    chunk.change = [&set, at, to](ledger::ChunkFacts& facts) { return set.apply(at, to, facts); };
    return chunk;
  };
  while (position(lane->cursor) < position(lane->upto)) {
    if (auto end = context.pause(step, writing.source)) return *end;
    set.forget_place();
    if (auto committed = commit_chunks(writing, *lane, next); !committed) {
      if (set.at().empty() || committed.error().kind != ErrorClass::data) return writing.fail(committed.error());
      return context.fail(step, committed.error(), fmt::format("at the row with key {}; {}", set.at(), writing.state_of_data()));
    }
  }
  return finish(writing);
}

}  // namespace bfl::run
