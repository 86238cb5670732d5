// The sealed route: what is intended is read in one snapshot, kept in the target, and then applied row by row by
// compare-and-set. `once` steps keep keys alone: their values are computed from the row when its turn comes.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/fault_points.h"
#include "interpreter/run/spool.h"
#include "interpreter/run/workbench.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using connect::RawValue;
using ledger::Key;
using ledger::Stored;

constexpr std::int64_t block_bytes = 512 << 10;  // of planned rows: what is unpacked at a time
constexpr std::int64_t first_rows = 2'000;

// Lane positions are ordinals in the sealed list.
Key ordinal(std::int64_t number) { return {Stored::of(ledger::number(number))}; }
std::int64_t position(const std::optional<Key>& cursor) { return cursor && !cursor->empty() ? (*cursor)[0].integer : 0; }

struct Sealed {
  Writing& writing;
  const lower::SealedUpdate sql;
  const std::size_t keys, columns, values;
  std::unique_ptr<connect::Prepared> change{}, read{}, recompute{};
  // The block under way, unpacked.
  std::int64_t first = 0;
  std::vector<ledger::Record> block{};
  std::string at{};                     // the row under way, for messages

  bool once() const { return writing.step.idempotence == program::Idempotence::once; }

  Result<void> prepare() {
    const std::pair<std::unique_ptr<connect::Prepared>*, const lower::Statement*> wanted[] = {
        {&change, &sql.change}, {&read, &sql.read}, {&recompute, &sql.recompute}};
    for (const auto& [to, statement] : wanted) {
      if (statement->text.empty()) continue;
      auto prepared = writing.target.prepare(*statement, writing.context.evaluation(writing.source));
      if (!prepared) return prepared.error();
      *to = std::move(*prepared);
    }
    return {};
  }

  Result<void> collect(Workbench& bench, Spool& spool, bool again);

  Result<const ledger::Record*> row(std::int64_t number) {
    if (number >= first && number < first + static_cast<std::int64_t>(block.size()))
      return &block[static_cast<std::size_t>(number - first)];
    auto stored = writing.writer.stage_block(writing.id, number);
    if (!stored) return stored.error();
    block.clear();
    first = stored->first;
    auto unpacked = ledger::read_pack(stored->bytes, stored->root, [&](const ledger::Record& record) {
      block.push_back(record);
      return true;
    });
    if (!unpacked) return unpacked.error();
    if (number >= first + static_cast<std::int64_t>(block.size()))
      return Error{
          ErrorClass::fatal, "a block of the sealed set is not whole", {}, "the tables `bfl_…` of the target were altered; restore them"};
    return &block[static_cast<std::size_t>(number - first)];
  }

  // Rows of ordinals [from, to): how many the database says it changed.
  Result<std::int64_t> apply(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts) {
    std::int64_t changed = 0;
    for (std::int64_t number = from; number < to; ++number) {
      if (writing.context.stop.level.load() > 1) return Error{ErrorClass::interrupted, "asked to stop"};
      auto planned = row(number);
      if (!planned) return planned.error();
      auto done = apply_row(**planned, facts);
      if (!done) {
        at = ledger::display(Key((*planned)->before.begin(), (*planned)->before.begin() + static_cast<std::ptrdiff_t>(keys)));
        return done.error();
      }
      changed += *done;
    }
    return changed;
  }

  Result<std::int64_t> apply_row(const ledger::Record& planned, ledger::ChunkFacts& facts) {
    if (planned.before.size() != keys + (once() ? 0 : columns) || planned.after.size() != (once() ? 0 : values))
      return Error{ErrorClass::fatal,
                   "a row of the sealed set has another shape than the table",
                   {},
                   "the schema changed since it was sealed: apply the step anew with `--again`"};
    std::vector<RawValue> before = ledger::views(planned.before);
    const RawRow key(before.data(), keys);
    // The row as it is now, byte for byte.
    bool there = false;
    int differs = -1;
    auto found = read->query_raw(key, [&](RawRow now) {
      there = true;
      for (std::size_t i = 0; i < columns && !once() && differs < 0; ++i)
        if (!ledger::same(now[i], before[keys + i])) differs = static_cast<int>(i);
      return false;
    });
    if (!found) return found.error();
    if (!there || differs >= 0) {
      ++facts.conflicts;
      writing.pack.conflict(key, !there ? "the row is gone"
                                        : fmt::format("`{}` was changed since the set was sealed",
                                                      writing.table.columns[static_cast<std::size_t>(differs)].name));
      return 0;
    }
    std::vector<Stored> computed;
    if (once()) {
      bool applies = false;
      auto again = recompute->query_raw(key, [&](RawRow now) {
        applies = true;
        computed = ledger::key_of(now, values);
        return false;
      });
      if (!again) return again.error();
      if (!applies) {
        ++facts.skipped;
        writing.pack.skip(key, "the row no longer matches");
        return 0;
      }
    } else {
      for (const auto& [column, value] : planned.after) computed.push_back(value);
    }
    std::vector<RawValue> parameters = ledger::views(computed);
    parameters.insert(parameters.end(), key.begin(), key.end());
    return change->run_raw(parameters);
  }
};

// The rows that match, in one snapshot; of a `once` step without those that it has changed before. `again` takes them back
// in where they are as they were before the change.
Result<void> Sealed::collect(Workbench& bench, Spool& spool, bool again) {
  Context& context = writing.context;
  ledger::ChangedRows before;
  if (writing.step.once) {
    auto changed = writing.writer.changed_rows(writing.step.name, writing.step.walk);
    if (!changed) return changed.error();
    before = std::move(*changed);
  }
  auto select = bench.engine().prepare(sql.select, context.evaluation(writing.source));
  if (!select) return select.error();
  std::vector<int> assigned;
  for (const program::Assignment& assignment : writing.step.assignments) assigned.push_back(assignment.column);
  ledger::PackWriter pack;
  Result<void> kept;
  const auto flush = [&] { kept = spool.add(pack.finish()); };
  auto rows = (*select)->query_raw({}, [&](RawRow row) {
    if (context.stop.level.load() > 0) kept = Error{ErrorClass::interrupted, "asked to stop"};
    const RawRow key = row.first(keys), image = row.subspan(keys, columns);
    if (!before.empty()) {
      const auto known = before.find(ledger::short_digest(key));
      if (known != before.end() && !(again && known->second == ledger::short_digest(image))) return bool(kept);
    }
    if (once()) pack.plan(key, {}, {}, {});
    else pack.plan(key, image, assigned, row.subspan(keys + columns, values));
    if (pack.raw_bytes() >= block_bytes && kept) flush();
    return bool(kept);
  });
  if (!rows) return rows;
  if (kept && pack.raw_bytes() > 0) flush();
  return kept;
}

std::optional<StepEnd> seal(Sealed& sealed, const char* route, const Decision& decision, bool& empty) {
  Writing& writing = sealed.writing;
  Context& context = writing.context;
  Spool spool;
  const bool again =
      std::find(context.options.again.begin(), context.options.again.end(), writing.step.name) != context.options.again.end();
  auto bench = Workbench::open(context.program, writing.step, context.targets, context.evaluation(writing.source));
  if (!bench) return writing.fail(bench.error());
  auto collected = sealed.collect(**bench, spool, again);
  bench->reset();
  if (!collected) return writing.fail(collected.error());
  empty = spool.rows() == 0;
  if (empty) return std::nullopt;
  if (auto end = refuse_unexpected(writing, spool.rows())) return end;
  fault_point("before_seal");
  auto opened = writing.writer.open(
      {writing.step.name, route, sealed.sql.select.text, &writing.step_plan.key, decision.generation, ordinal(spool.rows()), spool.rows()},
      [&spool](bool from_start) { return spool.next(from_start); });
  if (!opened) return writing.fail(opened.error());
  writing.id = *opened;
  fault_point("after_seal");
  Event staged = context.event(EventKind::step_staged, writing.step);
  staged.rows_total = spool.rows();
  staged.reason = fmt::format("{} rows are sealed", spool.rows());
  staged.query = sealed.sql.select.text;
  context.tell(staged);
  return std::nullopt;
}

}  // namespace

StepEnd sealed_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open) {
  Context& context = writing.context;
  const program::Step& step = writing.step;
  const Arrangement arrangement = arrange(context.program, step);
  auto sql = lower::sealed_update(arrangement.program(), step, lower::Dialect::sqlite);
  if (!sql) return writing.fail(sql.error());
  Sealed sealed{writing, std::move(*sql), std::max<std::size_t>(step.walk.size(), 1), writing.table.columns.size(),
                step.assignments.size()};
  if (step.once && step.walk.empty())
    return writing.fail(Code::no_row_identity,
                        {ErrorClass::refused,
                         fmt::format("rows of `{}` have no key by which a second change could be known", writing.table.name),
                         {},
                         "give the table a unique, not-null key, or write the step so that it may be repeated"});
  if (auto prepared = sealed.prepare(); !prepared) return writing.fail(prepared.error());
  if (!open) {
    bool empty = false;
    if (auto end = seal(sealed, route, decision, empty)) return *end;
    if (empty) return finish_empty(writing, route, decision.generation);
  }
  auto lane = writing.writer.newest_lane(writing.id);
  if (!lane) return writing.fail(lane.error());
  writing.rows = step.chunk_rows.value_or(first_rows);
  writing.rows_total = position(lane->upto);
  writing.rows_done = position(lane->cursor);
  const NextChunk next = [&](const ledger::Lane& from) -> Result<Chunk> {
    const std::int64_t at = position(from.cursor), to = std::min(at + writing.rows, position(from.upto));
    Chunk chunk;
    chunk.hi = ordinal(to);
    chunk.rows = to - at;
    chunk.query = &sealed.sql.change.text;
    chunk.change = [&sealed, at, to](ledger::ChunkFacts& facts) { return sealed.apply(at, to, facts); };
    return chunk;
  };
  while (position(lane->cursor) < position(lane->upto)) {
    if (auto end = context.pause(step, writing.source)) return *end;
    sealed.at.clear();
    if (auto committed = commit_chunks(writing, *lane, next); !committed) {
      if (sealed.at.empty() || committed.error().kind != ErrorClass::data) return writing.fail(committed.error());
      return context.fail(step, committed.error(), fmt::format("at the row with key {}; {}", sealed.at, writing.state_of_data()));
    }
  }
  return finish(writing);
}

}  // namespace bfl::run
