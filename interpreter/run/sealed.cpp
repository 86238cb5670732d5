// The sealed route: what is intended is read in one snapshot, kept in the target, and then applied row by row by
// compare-and-set. `once` steps keep keys alone: their values are computed from the row when its turn comes.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/sequence.h"
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

// The statements by which an intent of one table is carried out.
struct Hand {
  std::unique_ptr<connect::Prepared> change{}, add{}, remove{}, read{};
};

// What later steps read of the rows that the step changes, kept with them.
struct Keeping {
  connect::ChangeKind kind{};
  lower::KeptTable sql;
  std::unique_ptr<connect::Prepared> add{};
};

struct Sealed {
  Writing& writing;
  const lower::SealedWrite sql;
  Hand own{};
  std::map<std::string, Hand, std::less<>> others{};  // of cascades, by table
  std::unique_ptr<connect::Prepared> recompute{};
  std::vector<Keeping> keeping{};
  std::vector<std::unique_ptr<connect::Prepared>> holders{};  // in step with sql.uniques
  // The block under way, unpacked.
  std::int64_t first = 0;
  std::vector<ledger::Record> block{};
  std::string at{};                     // the row under way, for messages

  // Rows that come to the same key must be told apart before the first one is changed.
  bool sequenced() const { return !sql.recompute.text.empty() ? false : !sql.uniques.empty() || writing.step.duplicates || writing.step.free_name; }
  std::size_t columns() const { return writing.table.columns.size(); }
  bool once() const { return !sql.recompute.text.empty(); }
  bool once_per() const { return !writing.step.once_per.empty(); }

  Result<void> prepare(std::initializer_list<std::pair<std::unique_ptr<connect::Prepared>*, const lower::Statement*>> wanted) {
    for (const auto& [to, statement] : wanted) {
      if (statement->text.empty()) continue;
      auto prepared = writing.target.prepare(*statement, writing.context.evaluation(writing.source));
      if (!prepared) return prepared.error();
      *to = std::move(*prepared);
    }
    return {};
  }

  Result<void> prepare() {
    auto prepared = prepare({{&own.change, &sql.change}, {&own.add, &sql.add}, {&own.remove, &sql.remove}, {&own.read, &sql.read}, {&recompute, &sql.recompute}});
    for (const lower::Cascade& cascade : sql.cascades) {
      Hand& hand = others[cascade.table];
      if (prepared) prepared = prepare({{&hand.remove, &cascade.remove}, {&hand.read, &cascade.read}});
    }
    for (const lower::UniqueKey& unique : sql.uniques)
      if (prepared) prepared = prepare({{&holders.emplace_back(), &unique.holder}});
    for (const program::Effect& effect : writing.step.effects) {
      Keeping& kept = keeping.emplace_back();
      kept.kind = effect.kind == program::EffectKind::inserted ? connect::ChangeKind::insert
                  : effect.kind == program::EffectKind::updated ? connect::ChangeKind::update
                                                                : connect::ChangeKind::remove;
      kept.sql = lower::kept_table(writing.context.program, effect.table, nullptr, false, lower::Dialect::sqlite);
    }
    return prepared;
  }

  // (in a transaction) The tables of what later steps read, empty.
  Result<void> make_tables() {
    for (const Keeping& kept : keeping) {
      if (auto dropped = writing.target.execute(kept.sql.drop); !dropped) return dropped;
      if (auto made = writing.target.execute(kept.sql.create); !made) return made;
      for (const std::string& index : kept.sql.indexes)
        if (auto made = writing.target.execute(index); !made) return made;
    }
    return {};
  }
  Result<void> open_tables() {
    for (Keeping& kept : keeping)
      if (auto prepared = prepare({{&kept.add, &kept.sql.add}}); !prepared) return prepared;
    return {};
  }

  Result<void> collect(Workbench& bench, Spool& spool, bool again);
  Result<void> collect(Workbench& bench, const lower::Statement& select, const lower::Intent& intent, std::string_view table, Spool& spool, bool again);

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
      writing.seen.reset();
      auto done = apply_row(**planned, facts);
      if (done && writing.seen) {
        if (auto kept = keep(**planned); !kept) done = kept.error();
      }
      if (!done) {
        const std::size_t keys = std::min(key_size(**planned), (*planned)->before.size());
        at = ledger::display(Key((*planned)->before.begin(), (*planned)->before.begin() + static_cast<std::ptrdiff_t>(keys)));
        return done.error();
      }
      changed += *done;
    }
    return changed;
  }

  const lower::Intent* intent_of(const ledger::Record& planned) const {
    if (planned.table.empty()) return &sql.intent;
    for (const lower::Cascade& cascade : sql.cascades)
      if (cascade.table == planned.table) return &cascade.intent;
    return nullptr;
  }
  std::size_t key_size(const ledger::Record& planned) const {
    const lower::Intent* intent = intent_of(planned);
    return intent ? intent->key : 0;
  }

  Result<std::int64_t> apply_row(const ledger::Record& planned, ledger::ChunkFacts& facts) {
    const lower::Intent* intent = intent_of(planned);
    const bool there = intent && planned.before.size() > intent->key;  // with its image
    if (!intent || planned.before.size() != intent->key + (there ? intent->image : 0) || (once() ? there : intent->image > 0 && !intent->flag && !there) ||
        (planned.after.size() != (once() ? 0 : intent->values + intent->from) && !(writing.step.duplicates && planned.after.empty())))
      return Error{ErrorClass::fatal,
                   "a row of the sealed set has another shape than the table",
                   {},
                   "the schema changed since it was sealed: apply the step anew with `--again`"};
    Hand& hand = planned.table.empty() ? own : others.find(planned.table)->second;
    std::vector<RawValue> before = ledger::views(planned.before);
    const RawRow key(before.data(), intent->key), image(before.data() + intent->key, before.size() - intent->key);
    std::vector<RawValue> values;
    for (std::size_t i = 0; i < std::min(intent->values, planned.after.size()); ++i) values.push_back(planned.after[i].second.view());
    if (!there && !once()) return add(hand, *intent, key, values, facts);

    // The row as it is now, byte for byte.
    bool found = false;
    int differs = -1;
    Key now_held;
    auto read = hand.read->query_raw(key, [&](RawRow now) {
      found = true;
      if (!holders.empty()) now_held = ledger::key_of(now, now.size());
      for (std::size_t i = 0; i < image.size() && differs < 0; ++i)
        if (!ledger::same(now[i], image[i])) differs = static_cast<int>(i);
      return false;
    });
    if (!read) return read.error();
    if (!found || differs >= 0) {
      ++facts.conflicts;
      writing.pack.conflict(key, !found ? std::string("the row is gone") : fmt::format("`{}` was changed since the set was sealed", column(planned.table, differs)));
      return 0;
    }
    std::vector<Stored> computed;
    if (once()) {
      bool applies = false;
      auto again = recompute->query_raw(key, [&](RawRow now) {
        applies = true;
        computed = ledger::key_of(now, writing.step.assignments.size());
        return false;
      });
      if (!again) return again.error();
      if (!applies) {
        ++facts.skipped;
        writing.pack.skip(key, "the row no longer matches");
        return 0;
      }
      values = ledger::views(computed);
    }
    if (values.empty()) return hand.remove->run_raw(key);
    if (!holders.empty() && planned.table.empty()) {
      auto held = held_by_another(key, now_held, values);
      if (!held) return held.error();
      if (!held->empty()) {
        ++facts.conflicts;
        writing.pack.conflict(key, *held);
        return 0;
      }
    }
    values.insert(values.end(), key.begin(), key.end());
    return hand.change->run_raw(values);
  }

  // Who else has what the row is to have under a unique key; empty: nobody.
  Result<std::string> held_by_another(RawRow key, const Key& now, const std::vector<RawValue>& values) {
    for (std::size_t u = 0; u < sql.uniques.size(); ++u) {
      std::vector<RawValue> wanted;
      bool moves = false, null = false;
      for (const int column : sql.uniques[u].columns) {
        RawValue value = now[static_cast<std::size_t>(column)].view();
        for (std::size_t i = 0; i < writing.step.assignments.size(); ++i)
          if (writing.step.assignments[i].column == column) {
            moves |= !ledger::same(value, values[i]);
            value = values[i];
          }
        null |= value.kind == RawValue::Class::null;
        wanted.push_back(value);
      }
      if (!moves || null) continue;
      std::string other;
      auto read = holders[u]->query_raw(wanted, [&](RawRow holder) {
        const Key theirs = ledger::key_of(holder, holder.size());
        if (ledger::encode(theirs) != ledger::encode(ledger::key_of(key, key.size()))) other = ledger::display(theirs);
        return other.empty();
      });
      if (!read) return read.error();
      if (other.empty()) continue;
      std::string names;
      for (const int column : sql.uniques[u].columns) names += (names.empty() ? "" : ", ") + writing.table.columns[static_cast<std::size_t>(column)].name;
      return fmt::format("the row with key {} has what it is to have under the unique key ({})", other, names);
    }
    return std::string();
  }

  // A row that was missing when the set was sealed.
  Result<std::int64_t> add(Hand& hand, const lower::Intent& intent, RawRow key, const std::vector<RawValue>& values, ledger::ChunkFacts& facts) {
    bool found = false;
    if (hand.read) {
      auto read = hand.read->query_raw(key, [&](RawRow) { return !(found = true); });
      if (!read) return read.error();
    }
    if (found && intent.flag) {
      ++facts.conflicts;
      writing.pack.conflict(key, "a row with this key was added since the set was sealed");
      return 0;
    }
    if (found) {
      ++facts.skipped;
      writing.pack.skip(key, "a row with this key is there");
      return 0;
    }
    writing.cause = key;
    auto added = hand.add->run_raw(values);
    writing.cause = {};
    return added;
  }

  std::string column(const std::string& table, int index) const {
    for (const program::TableRef ref : writing.step.cascades)
      if (const Table& other = writing.context.program.table(ref); other.name == table) return other.columns[static_cast<std::size_t>(index)].name;
    return writing.table.columns[static_cast<std::size_t>(index)].name;
  }

  Result<void> keep(const ledger::Record& planned) {
    const auto kind = planned.after.empty() && !once() ? connect::ChangeKind::remove
                      : planned.before.size() > sql.intent.key || once() ? connect::ChangeKind::update
                                                                         : connect::ChangeKind::insert;
    for (Keeping& kept : keeping) {
      if (kept.kind != kind) continue;
      std::vector<RawValue> values = ledger::views(*writing.seen);
      if (kind == connect::ChangeKind::insert)
        for (std::size_t i = sql.intent.values; i < planned.after.size(); ++i) values.push_back(planned.after[i].second.view());
      if (auto added = kept.add->run_raw(values); !added) return added.error();
    }
    return {};
  }
};

// Rows that go before those of the step, and then its own.
Result<void> Sealed::collect(Workbench& bench, Spool& spool, bool again) {
  for (const lower::Cascade& cascade : sql.cascades)
    if (auto collected = collect(bench, cascade.select, cascade.intent, cascade.table, spool, again); !collected) return collected;
  return collect(bench, sql.select, sql.intent, {}, spool, again);
}

// The rows that match, in one snapshot; of a `once` step without those that it has changed before. `again` takes them back
// in where they are as they were before the change.
Result<void> Sealed::collect(Workbench& bench, const lower::Statement& statement, const lower::Intent& intent, std::string_view table, Spool& spool, bool again) {
  Context& context = writing.context;
  ledger::ChangedRows before;
  if (writing.step.once || once_per()) {
    auto changed = writing.writer.changed_rows(writing.step.name, writing.step.walk);
    if (!changed) return changed.error();
    before = std::move(*changed);
  }
  auto select = bench.engine().prepare(statement, context.evaluation(writing.source));
  if (!select) return select.error();
  std::vector<int> assigned;
  for (const program::Assignment& assignment : writing.step.assignments) assigned.push_back(assignment.column);
  assigned.resize(std::min(assigned.size(), intent.values));
  for (std::size_t i = 0; i < intent.from; ++i) assigned.push_back(static_cast<int>(columns() + i));
  ledger::PackWriter pack;
  Result<void> kept;
  const auto flush = [&] { kept = spool.add(pack.finish()); };
  std::optional<Sequence> sequence;
  if (table.empty() && sequenced()) sequence.emplace(writing, sql);
  auto rows = (*select)->query_raw({}, [&](RawRow row) {
    if (context.stop.level.load() > 0) kept = Error{ErrorClass::interrupted, "asked to stop"};
    const RawRow key = row.first(intent.key);
    row = row.subspan(intent.key);
    const bool there = intent.image > 0 && (!intent.flag || row[0].integer != 0);
    if (intent.flag) row = row.subspan(1);
    const RawRow image = there ? row.first(intent.image) : RawRow();
    if (!before.empty()) {
      const auto known = before.find(ledger::short_digest(key));
      if (known != before.end() && !(again && !once_per() && known->second == ledger::short_digest(image))) return bool(kept);
    }
    if (sequence) {
      sequence->add(key, image, row.subspan(intent.image));
      return bool(kept);
    }
    if (once()) pack.plan(key, {}, {}, {});
    else pack.plan(key, image, assigned, row.subspan(intent.image), table);
    if (pack.raw_bytes() >= block_bytes && kept) flush();
    return bool(kept);
  });
  if (!rows) return rows;
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

std::optional<StepEnd> seal(Sealed& sealed, const char* route, const Decision& decision, bool& empty) {
  Writing& writing = sealed.writing;
  Context& context = writing.context;
  Spool spool;
  const bool again =
      std::find(context.options.again.begin(), context.options.again.end(), writing.step.name) != context.options.again.end();
  auto bench = Workbench::open(context.program, writing.step, context.targets, context.evaluation(writing.source));
  if (!bench) return writing.fail(bench.error());
  if (auto end = refuse_left_behind(writing)) return end;
  auto collected = sealed.collect(**bench, spool, again);
  if (collected && spool.rows() > 0)
    if (auto end = refuse_unproved(writing, (*bench)->program(), (*bench)->engine())) return end;
  bench->reset();
  if (!collected) return writing.fail(collected.error());
  empty = spool.rows() == 0;
  if (empty) return std::nullopt;
  if (auto end = refuse_unexpected(writing, spool.rows())) return end;
  fault_point("before_seal");
  auto opened = writing.writer.open(
      {writing.step.name, route, sealed.sql.select.text, &writing.step_plan.key, decision.generation, ordinal(spool.rows()), spool.rows(),
       [&sealed] { return sealed.make_tables(); }, ledger::describe(writing.tables)},
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
  auto sql = lower::sealed_write(arrangement.program(), step, context.dialect(writing.source));
  if (!sql) return writing.fail(sql.error());
  Sealed sealed{writing, std::move(*sql)};
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
    if (empty) return finish_empty(writing, route, decision.generation, [&sealed] { return sealed.make_tables(); });
  }
  if (auto opened = sealed.open_tables(); !opened) return writing.fail(opened.error());
  auto lane = writing.writer.newest_lane(writing.id);
  if (!lane) return writing.fail(lane.error());
  writing.rows = step.chunk_rows.value_or(first_rows);
  writing.rows_total = position(lane->upto);
  writing.rows_done = position(lane->cursor);
  const NextChunk next = [&](const ledger::Lane& from) -> Result<Chunk> {
    const std::int64_t at = position(from.cursor);
    std::int64_t to = std::min(at + writing.rows, position(from.upto));
    while (sealed.sequenced() && to < position(from.upto)) {
      auto last = sealed.row(to - 1);
      if (!last) return last.error();
      if ((*last)->reason.empty()) break;
      ++to;
    }
    Chunk chunk;
    chunk.hi = ordinal(to);
    chunk.rows = to - at;
    chunk.query = &(!sealed.sql.add.text.empty() ? sealed.sql.add : !sealed.sql.remove.text.empty() ? sealed.sql.remove : sealed.sql.change).text;
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
