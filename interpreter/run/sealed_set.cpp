#include "interpreter/run/sealed_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "interpreter/ledger/in_between.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/planned_changes.h"
#include "interpreter/run/seal_around.h"

namespace bfl::run {

using connect::ChangeKind;
using connect::Prepared;
using connect::RawRow;
using connect::RawValue;
using ledger::Key;
using ledger::Stored;

SealedSet::SealedSet(Writing& writing, lower::Intents intents, lower::Hands hands, lower::Statement recompute)
    : writing_(writing), intents_(std::move(intents)), hands_(std::move(hands)), recompute_sql_(std::move(recompute)) {}

const std::string& SealedSet::query() const {
  const lower::Hand& own = hands_.own;
  return (!own.add.text.empty() ? own.add : !own.remove.text.empty() ? own.remove : own.change).text;
}

Result<void> SealedSet::prepare(std::initializer_list<std::pair<std::unique_ptr<Prepared>*, const lower::Statement*>> wanted) {
  for (const auto& [to, statement] : wanted) {
    if (statement->text.empty()) continue;
    auto prepared = writing_.target.prepare(*statement, writing_.context.evaluation(writing_.source));
    if (!prepared) return prepared.error();
    *to = std::move(*prepared);
  }
  return {};
}

Result<void> SealedSet::prepare() {
  const lower::Hand& own = hands_.own;
  auto prepared = prepare({{&own_.change, &own.change}, {&own_.add, &own.add}, {&own_.remove, &own.remove}, {&own_.read, &own.read}, {&recompute_, &recompute_sql_}});
  for (std::size_t i = 0; i < hands_.cascades.size(); ++i) {
    Hand& hand = others_[writing_.context.program.table(intents_.cascades[i].table).name];
    if (prepared) prepared = prepare({{&hand.remove, &hands_.cascades[i].remove}, {&hand.read, &hands_.cascades[i].read}});
  }
  for (const lower::UniqueKey& unique : hands_.uniques)
    if (prepared) prepared = prepare({{&holders_.emplace_back(), &unique.holder}});
  for (const program::Effect& effect : writing_.step.effects) {
    Keeping& kept = keeping_.emplace_back();
    kept.kind = effect.kind == program::EffectKind::inserted  ? ChangeKind::insert
                : effect.kind == program::EffectKind::updated ? ChangeKind::update
                                                              : ChangeKind::remove;
    kept.sql = lower::kept_table(writing_.context.program, effect.table, nullptr, false, writing_.context.dialect(writing_.source));
  }
  return prepared;
}

Result<void> SealedSet::make_tables() {
  for (const Keeping& kept : keeping_) {
    if (auto dropped = writing_.target.execute(kept.sql.drop); !dropped) return dropped;
    if (auto made = writing_.target.execute(kept.sql.create); !made) return made;
    for (const std::string& index : kept.sql.indexes)
      if (auto made = writing_.target.execute(index); !made) return made;
  }
  return {};
}

Result<void> SealedSet::open_tables() {
  for (Keeping& kept : keeping_)
    if (auto prepared = prepare({{&kept.add, &kept.sql.add}}); !prepared) return prepared;
  return {};
}

// The block that holds the row.
Result<void> SealedSet::load(std::int64_t number) {
  if (number >= first_ && number < first_ + static_cast<std::int64_t>(block_.size())) return {};
  auto stored = writing_.writer.stage_block(writing_.id, number);
  if (!stored) return stored.error();
  block_.clear();
  first_ = stored->first;
  auto unpacked = ledger::read_pack(stored->bytes, stored->root, [&](const ledger::Record& record) {
    block_.push_back(record);
    return true;
  });
  if (!unpacked) return unpacked;
  if (number >= first_ + static_cast<std::int64_t>(block_.size()))
    return Error{ErrorClass::fatal, "a block of the sealed set is not whole", {}, "the tables `bfl_…` of the target were altered; restore them"};
  return {};
}

Result<const ledger::Record*> SealedSet::row(std::int64_t number) {
  if (auto loaded = load(number); !loaded) return loaded.error();
  return &block_[static_cast<std::size_t>(number - first_)];
}

Result<std::vector<Key>> SealedSet::keys(std::int64_t from, std::int64_t to) {
  std::vector<Key> all;
  ledger::Joining joining = joining_of(writing_.step);
  for (std::int64_t number = from; number < to; ++number) {
    auto planned = row(number);
    if (!planned) return planned.error();
    const ledger::Record* const whole = sequenced() ? joining.whole(**planned) : *planned;
    if (!whole) continue;
    auto turn = turn_of(*whole);
    if (!turn) return turn.error();
    const RawRow key = turn->key();
    if (wanted_ && !wanted_(key)) continue;
    all.push_back(ledger::key_of(key, key.size()));
  }
  return all;
}

const lower::Intent* SealedSet::intent_of(const ledger::Record& planned) const {
  if (planned.table.empty()) return &intents_.own.intent;
  for (const lower::CascadeSet& cascade : intents_.cascades)
    if (writing_.context.program.table(cascade.table).name == planned.table) return &cascade.intent;
  return nullptr;
}

Result<SealedSet::Turn> SealedSet::turn_of(const ledger::Record& planned) const {
  Turn turn;
  turn.planned = &planned;
  turn.intent = intent_of(planned);
  const lower::Intent* intent = turn.intent;
  turn.there = intent && planned.before.size() > intent->key;
  const bool goes = writing_.step.duplicates && !program::adds_rows(writing_.step.kind) && planned.after.empty();
  if (!intent || planned.before.size() != intent->key + (turn.there ? intent->image : 0) ||
      (once() ? turn.there : intent->image > 0 && !intent->flag && !turn.there) ||
      (planned.after.size() != (once() ? 0 : intent->values + intent->from) && !goes && !planned.reason.starts_with(cannot_be_computed)))
    return Error{ErrorClass::fatal, "a row of the sealed set has another shape than the table", {},
                 "the schema changed since it was sealed: apply the step anew with `--again`"};
  turn.before = ledger::views(planned.before);
  for (std::size_t i = 0; i < std::min(intent->values, planned.after.size()); ++i) turn.values.push_back(planned.after[i].second.view());
  return turn;
}

// Intents from `from` on that may be carried out together: of one table, of one block, none of them a second one of its row. `from`: behind
// those that were looked at.
Result<std::vector<SealedSet::Turn>> SealedSet::together(std::int64_t& from, std::int64_t to) {
  std::vector<Turn> turns;
  if (auto loaded = load(from); !loaded) return loaded.error();
  const std::size_t most = sequenced() ? 1 : writing_.target.rows_together();
  const auto end = std::min(to, first_ + static_cast<std::int64_t>(block_.size()));
  std::unordered_set<std::string> keys;
  for (; from < end && turns.size() < most; ++from) {
    const ledger::Record& planned = block_[static_cast<std::size_t>(from - first_)];
    if (!turns.empty() && planned.table != turns[0].planned->table) break;
    auto turn = turn_of(planned);
    if (!turn) return turn.error();
    if (wanted_ && !wanted_(turn->key())) continue;
    if (most > 1 && !keys.insert(ledger::encode(ledger::key_of(turn->key(), turn->intent->key))).second && own_.read) break;
    turns.push_back(std::move(*turn));
  }
  return turns;
}

Result<std::int64_t> SealedSet::apply(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts) {
  for (Keeping& kept : keeping_) kept.stored.clear();  // of an attempt that was rolled back
  aside_.clear();
  if (!sequenced()) return one_by_one(from, to, facts);
  std::int64_t changed = 0;
  while (from < to) {
    auto end = end_of_circle(from, to);
    if (!end) return end;
    auto done = *end > from ? circle(from, *end, facts) : one_by_one(from, from + 1, facts);
    if (!done) return done;
    changed += *done;
    from = std::max(*end, from + 1);
  }
  return changed;
}

// Behind the rows that take over each other's values from here on; `from` itself: none do.
Result<std::int64_t> SealedSet::end_of_circle(std::int64_t from, std::int64_t to) {
  auto first = row(from);
  if (!first) return first.error();
  if (!ledger::is_in_between(**first)) return from;
  while (from < to) {
    auto at = row(from++);
    if (!at) return at.error();
    if ((*at)->reason.empty()) break;
  }
  return from;
}

// They go together or not at all: where one stayed as it is, another would stay in between.
Result<std::int64_t> SealedSet::circle(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts) {
  if (auto marked = writing_.target.execute("SAVEPOINT bfl_circle"); !marked) return marked.error();
  in_the_way_.reset();
  writing_.trying = true;
  auto tried = one_by_one(from, to, facts);
  writing_.trying = false;
  if (!tried) return tried;
  if (auto back = writing_.target.execute("ROLLBACK TO SAVEPOINT bfl_circle;RELEASE SAVEPOINT bfl_circle"); !back) return back.error();
  if (!in_the_way_) return one_by_one(from, to, facts);
  const auto& [stays, why] = *in_the_way_;
  const std::string shown = display_key(writing_.context.program, writing_.step, stays);
  for (; from < to; ++from) {
    auto at = row(from);
    if (!at) return at.error();
    if (ledger::is_in_between(**at)) continue;
    auto turn = turn_of(**at);
    if (!turn) return turn.error();
    const bool itself = ledger::encode(ledger::key_of(turn->key(), turn->intent->key)) == ledger::encode(stays);
    conflict(*turn, itself ? why : fmt::format("it goes round in a circle with the row with key {}, which stays as it is", shown), facts);
  }
  return 0;
}

void SealedSet::conflict(const Turn& turn, const std::string& why, ledger::ChunkFacts& facts) {
  if (writing_.trying) {
    if (!in_the_way_) in_the_way_.emplace(ledger::key_of(turn.key(), turn.intent->key), why);
    return;
  }
  ++facts.conflicts;
  writing_.pack.conflict(turn.key(), why, turn.planned->table);
}

Result<std::int64_t> SealedSet::one_by_one(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts) {
  std::int64_t changed = 0;
  while (from < to) {
    if (writing_.context.stop.level.load() > 1) return Error{ErrorClass::interrupted, "asked to stop"};
    auto turns = together(from, to);
    if (!turns) return turns.error();
    if (turns->empty()) continue;
    const std::string& table = turns->front().planned->table;
    auto done = carry_out(table.empty() ? own_ : others_.find(table)->second, *turns, facts);
    if (!done) {
      const Turn& at = (*turns)[under_way_];
      at_ = Place{table, ledger::key_of(at.key(), at.intent->key)};
      return done;
    }
    changed += *done;
  }
  return changed;
}

// The rows as they are now, byte for byte.
Result<void> SealedSet::look(Hand& hand, std::vector<Turn>& turns) {
  if (!hand.read) return {};
  std::vector<Prepared::Parameters> keys;
  for (const Turn& turn : turns) keys.emplace_back(turn.key().begin(), turn.key().end());
  return hand.read->query_each(keys, [&](std::size_t i, RawRow now) {
    Turn& turn = turns[i];
    if (std::exchange(turn.found, true)) return;
    if (!holders_.empty()) turn.now_held = ledger::key_of(now, now.size());
    const RawRow image = turn.image();
    // What the database computes of other columns follows from them: a plan knows what its steps set, and not what comes of it.
    const std::vector<Column>& columns = table_of(*turn.planned).columns;
    for (std::size_t c = 0; c < image.size() && turn.differs < 0; ++c)
      if (!columns[c].generated && !ledger::same(now[c], image[c])) turn.differs = static_cast<int>(c);
  });
}

Result<void> SealedSet::find_families(std::int64_t rows) {
  families_.emplace(writing_.context.program, writing_.step, writing_.target);
  for (std::int64_t from = 0; from < rows;) {
    if (writing_.context.stop.level.load() > 1) return Error{ErrorClass::interrupted, "asked to stop"};
    auto turns = together(from, rows);
    if (!turns) return turns.error();
    if (turns->empty()) continue;
    const std::string& table = turns->front().planned->table;
    if (auto looked = look(table.empty() ? own_ : others_.find(table)->second, *turns); !looked) return looked;
    for (const Turn& turn : *turns)
      if (turn.found)
        if (auto seen = families_->saw(table, turn.image(), turn.differs >= 0); !seen) return seen;
  }
  for (bool more = true; more;) {
    more = false;
    for (std::int64_t from = 0; from < rows;) {
      auto turns = together(from, rows);
      if (!turns) return turns.error();
      for (const Turn& turn : *turns) more |= families_->spread(turn.planned->table, turn.image());
    }
  }
  return {};
}

// once: the values of rows that still match.
Result<void> SealedSet::compute(std::vector<Turn>& turns) {
  if (!once()) return {};
  std::vector<Prepared::Parameters> keys;
  for (const Turn& turn : turns) keys.emplace_back(turn.key().begin(), turn.key().end());
  return recompute_->query_each(keys, [&](std::size_t i, RawRow now) {
    turns[i].applies = true;
    turns[i].computed = ledger::key_of(now, writing_.step.assignments.size());
  });
}

Result<void> SealedSet::decide(Turn& turn, ledger::ChunkFacts& facts) {
  const auto skip = [&](const char* why) {
    if (!writing_.trying) writing_.skip(turn.key(), why, facts);
  };
  if (turn.planned->reason.starts_with(cannot_be_computed)) {
    aside_.emplace_back(ledger::key_of(turn.key(), turn.intent->key), turn.planned->reason.substr(cannot_be_computed.size()));
    writing_.set_aside(aside_.back().first, aside_.back().second, facts);
    return {};
  }
  if (!turn.there && !once()) {  // missing when the set was sealed
    if (turn.found && turn.intent->flag) conflict(turn, "a row with this key was added since the set was sealed", facts);
    else if (turn.found) skip("a row with this key is there");
    else turn.act = Act::add;
    return {};
  }
  if (!turn.found || turn.differs >= 0) {
    conflict(turn, !turn.found ? std::string("the row is gone") : fmt::format("`{}` was changed since the set was sealed", table_of(*turn.planned).columns[static_cast<std::size_t>(turn.differs)].name), facts);
    return {};
  }
  if (families_ && families_->left_alone(turn.planned->table, turn.image())) {
    conflict(turn, "a row that goes with it was changed, added or left alone since the set was sealed", facts);
    return {};
  }
  if (once()) {
    if (!turn.applies) {
      skip("the row no longer matches");
      return {};
    }
    turn.values = ledger::views(turn.computed);
  }
  turn.act = turn.values.empty() ? Act::remove : Act::change;
  if (turn.act == Act::remove || holders_.empty() || !turn.planned->table.empty()) return {};
  auto held = held_by_another(turn);
  if (!held) return held.error();
  if (held->empty()) return {};
  turn.act = Act::nothing;
  conflict(turn, *held, facts);
  return {};
}

// Who else has what the row is to have under a unique key; empty: nobody.
Result<std::string> SealedSet::held_by_another(const Turn& turn) {
  for (std::size_t u = 0; u < hands_.uniques.size(); ++u) {
    std::vector<RawValue> wanted;
    bool moves = false, null = false;
    for (const int column : hands_.uniques[u].columns) {
      RawValue value = turn.now_held[static_cast<std::size_t>(column)].view();
      for (std::size_t i = 0; i < writing_.step.assignments.size(); ++i)
        if (writing_.step.assignments[i].column == column) {
          moves |= !ledger::same(value, turn.values[i]);
          value = turn.values[i];
        }
      null |= value.kind == RawValue::Class::null;
      wanted.push_back(value);
    }
    if (!moves || null) continue;
    std::string other;
    auto read = holders_[u]->query_raw(wanted, [&](RawRow holder) {
      const Key theirs = ledger::key_of(holder, holder.size());
      if (ledger::encode(theirs) != ledger::encode(ledger::key_of(turn.key(), turn.intent->key))) other = display_key(writing_.context.program, writing_.step, theirs);
      return other.empty();
    });
    if (!read) return read.error();
    if (other.empty()) continue;
    return fmt::format("the row with key {} has what it is to have under the unique key ({})", other, writing_.table.names_of(hands_.uniques[u].columns));
  }
  return std::string();
}

Result<std::int64_t> SealedSet::carry_out(Hand& hand, std::vector<Turn>& turns, ledger::ChunkFacts& facts) {
  under_way_ = 0;
  if (auto looked = look(hand, turns); !looked) return looked.error();
  if (auto computed = compute(turns); !computed) return computed.error();
  for (under_way_ = 0; under_way_ < turns.size(); ++under_way_)
    if (auto decided = decide(turns[under_way_], facts); !decided) return decided.error();
  under_way_ = 0;
  auto changed = change(hand, turns, facts);
  if (changed)
    if (auto kept = flush_kept(); !kept) return kept.error();
  return changed;
}

// What was decided, in the order of the set: neighbours of one kind by one statement.
Result<std::int64_t> SealedSet::change(Hand& hand, std::vector<Turn>& turns, ledger::ChunkFacts& facts) {
  std::int64_t changed = 0;
  for (std::size_t first = 0, next = 0; first < turns.size(); first = next) {
    const Act act = turns[first].act;
    std::vector<Prepared::Parameters> sets;
    for (next = first; next < turns.size() && turns[next].act == act; ++next) {
      const Turn& turn = turns[next];
      Prepared::Parameters& set = sets.emplace_back();
      if (act != Act::remove) set = turn.values;
      if (act == Act::change || act == Act::remove) set.insert(set.end(), turn.key().begin(), turn.key().end());
    }
    if (act == Act::nothing) continue;
    auto& statement = act == Act::change ? hand.change : act == Act::add ? hand.add : hand.remove;
    auto done = statement->run_each(
        sets,
        [&](std::size_t i) {
          under_way_ = first + i;
          writing_.seen.reset();
          writing_.in_between = ledger::is_in_between(*turns[first + i].planned);
          writing_.cause = act == Act::add ? turns[first + i].key() : RawRow();
        },
        [&](std::size_t i, std::int64_t rows) {
          changed += rows;
          if (writing_.seen) keep(*turns[first + i].planned);
          if (rows > 0 || act != Act::remove) return;
          conflict(turns[first + i], "rows of other tables refer to it", facts);  // seen a moment ago, and no longer there to be deleted
        });
    writing_.cause = {};
    writing_.in_between = false;
    if (!done) return done.error();
  }
  return changed;
}

void SealedSet::keep(const ledger::Record& planned) {
  const auto kind = planned.after.empty() && !once() ? ChangeKind::remove
                    : planned.before.size() > intents_.own.intent.key || once() ? ChangeKind::update
                                                                                : ChangeKind::insert;
  for (Keeping& kept : keeping_) {
    if (kept.kind != kind) continue;
    Key& row = kept.stored.emplace_back(*writing_.seen);
    if (kind == ChangeKind::insert)
      for (std::size_t i = intents_.own.intent.values; i < planned.after.size(); ++i) row.push_back(planned.after[i].second);
  }
}

Result<void> SealedSet::flush_kept() {
  for (Keeping& kept : keeping_) {
    kept.rows.clear();
    for (const Key& row : kept.stored) kept.rows.push_back(ledger::views(row));
    auto added = kept.add ? kept.add->run_each(kept.rows, [](std::size_t) {}, [](std::size_t, std::int64_t) {}) : Result<void>{};
    kept.stored.clear();
    if (!added) return added;
  }
  return {};
}

const Table& SealedSet::table_of(const ledger::Record& planned) const {
  for (const program::TableRef ref : writing_.step.cascades)
    if (const Table& other = writing_.context.program.table(ref); other.name == planned.table) return other;
  return writing_.table;
}

}  // namespace bfl::run
