#include "interpreter/run/planned_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interpreter/ledger/in_between.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/lower/keyed.h"
#include "interpreter/lower/writer.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/intended.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

constexpr std::int64_t most_alone = 1'000;  // rows that are found by halving

}  // namespace

using connect::Prepared;
using connect::RawRow;
using ledger::Key;
using ledger::Record;

PlannedChanges::PlannedChanges(const program::Program& program, const program::Step& step, connect::Connector& target, const eval::Context& evaluation,
                               std::function<bool(program::TableRef)> wanted, EachKept kept, const PassedOver* passes)
    : program_(program), step_(step), table_(program.table(step.target)), target_(target), evaluation_(evaluation), wanted_(std::move(wanted)), kept_(std::move(kept)), passes_(passes), holders_(step) {
  lower::Hands hands = lower::hands(program, step, lower::dialect_of(target.engine()));
  if (passes) references_.emplace(program, step, target, passes->references);
  if (passes && sequenced(step, hands, false)) uniques_ = hands.uniques;
  most_ = sequenced(step, hands, false) || (references_ && references_->itself()) ? 1 : target.rows_together();
  if (wanted_(step.target)) hands_[""].sql = std::move(hands.own);
  keys_[""] = keys_of(step);
  for (std::size_t i = 0; i < step.cascades.size(); ++i) {
    // The farthest first, as their rows are planned.
    const program::TableRef ref = step.cascades[step.cascades.size() - 1 - i];
    const Table& table = program.table(ref);
    keys_[table.name] = table.identity()->columns.size();
    if (wanted_(ref)) hands_[table.name].sql = std::move(hands.cascades[i]);
  }
  shows_ = target.engine() == "postgres" && std::any_of(step.effects.begin(), step.effects.end(), [](const auto& effect) { return effect.kind == program::EffectKind::inserted; });
}

PlannedChanges::Act PlannedChanges::act_of(const Record& record) const {
  if (record.before.size() <= keys_.find(record.table)->second) return Act::add;
  return record.after.empty() ? Act::remove : Act::change;
}

Result<void> PlannedChanges::apply(Spool& rows) {
  Result<void> sound = holders_.prepare(target_, uniques_, evaluation_);
  if (!sound) return sound;
  std::int64_t given = 0;
  auto read = each_planned([&](bool from_start) { return rows.next(from_start); }, [&](const Record& record) {
    if (!hands_.contains(record.table)) return true;
    if (!joins(record)) sound = flush();
    if (sound && between_ && batch_.empty() && ++given % stretch == 0) sound = between_();
    batch_.push_back(record);
    return bool(sound);
  });
  if (!read) return read;
  return sound ? flush() : sound;
}

bool PlannedChanges::joins(const Record& record) const {
  if (batch_.empty()) return true;
  if (passes_ && !batch_.back().reason.empty()) return true;  // it goes with this one
  if (batch_.size() >= most_ || batch_[0].table != record.table || act_of(batch_[0]) != act_of(record)) return false;
  const auto keys = static_cast<std::ptrdiff_t>(keys_.find(record.table)->second);
  const auto same_row = [&](const Record& a, const Record& b) {
    return std::equal(a.before.begin(), a.before.begin() + keys, b.before.begin(), [](const auto& x, const auto& y) { return ledger::same(x.view(), y.view()); });
  };
  return act_of(record) == Act::add || !same_row(batch_.back(), record);
}

Result<void> PlannedChanges::flush() {
  if (batch_.empty()) return {};
  std::vector<Record> rows = std::exchange(batch_, {});
  return passes_ ? pass_over(std::move(rows)) : send(rows);
}

Result<void> PlannedChanges::pass_over(std::vector<Record> rows) {
  const bool together = rows.size() > 1 && !rows.front().reason.empty(), own = rows.front().table.empty();
  const std::size_t keys = keys_.find(rows.front().table)->second;
  if (own && !passes_->waiting.empty()) {
    const std::size_t all = rows.size();
    std::erase_if(rows, [&](const Record& record) { return passes_->waiting.contains(ledger::encode(Key(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(keys)))); });
    if (together && rows.size() < all) return {};  // they were set aside together
  }
  if (rows.empty()) return {};
  if (passes_->only_waiting) return together ? send_each(rows) : send(rows);
  if (!own) return part(rows);
  auto broken = references_->broken(rows, keys);
  if (!broken) return Error{ErrorClass::refused, broken.error().message, broken.error().detail};  // not what a row is refused for
  if (together || holders_.any()) return in_turn(rows, *broken);
  std::vector<Record> left;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if ((*broken)[i].empty()) left.push_back(std::move(rows[i]));
    else refuse(rows[i], {ErrorClass::data, (*broken)[i]});
  }
  return left.empty() ? Result<void>{} : part(left);
}

// As a run does where rows take over each other's values: each when its turn comes, and those of a circle together or not at all.
Result<void> PlannedChanges::in_turn(std::span<const Record> rows, const std::vector<std::string>& broken) {
  const bool saves = rows.size() > 1 || target_.rows_together() > 1;
  if (saves)
    if (auto saved = target_.execute("SAVEPOINT bfl_rows"); !saved) return saved;
  Result<bool> done = true;
  for (std::size_t i = 0; i < rows.size() && done && *done; ++i) done = one_in_turn(rows[i], broken[i]);
  const bool stays = !done || !*done;
  if (!done && done.error().kind != ErrorClass::data) return done.error();
  if (saves)
    if (auto ended = target_.execute(stays ? "ROLLBACK TO SAVEPOINT bfl_rows; RELEASE SAVEPOINT bfl_rows" : "RELEASE SAVEPOINT bfl_rows"); !ended) return ended;
  if (!stays) return {};
  // What was kept of them may lie elsewhere, and is not taken back.
  if (rows.size() > 1 && kept_ && !step_.effects.empty()) return Error{ErrorClass::refused, "rows that take over each other's values under a unique key stay as they are, and a later step looks at what was changed"};
  ledger::Joining joining = joining_of(step_);
  for (Record record : rows) {
    if (!joining.whole(record)) continue;
    if (done) ++passes_->refusals.conflicts;
    else refuse(record, {done.error().kind, done.error().message, done.error().detail});
  }
  return done || !saves ? Result<void>{} : at_most_alone();
}

// False: another row has what it is to have.
Result<bool> PlannedChanges::one_in_turn(const Record& record, const std::string& broken) {
  const auto keys = keys_.find("")->second;
  if (holders_.any() && act_of(record) == Act::change) {
    const std::vector<connect::RawValue> before = ledger::views(record.before);
    std::vector<connect::RawValue> values;
    for (const auto& [column, value] : record.after) values.push_back(value.view());
    auto held = holders_.other(RawRow(before).first(keys), RawRow(before).subspan(keys), values);
    if (!held) return Error{ErrorClass::refused, held.error().message, held.error().detail};
    if (*held) return false;
  }
  if (!broken.empty()) return Error{ErrorClass::data, broken};
  auto sent = send({&record, 1});
  return sent ? Result<bool>(true) : Result<bool>(sent.error());
}

// Halved until what is not taken is alone, where the engine takes several at a time.
Result<void> PlannedChanges::part(std::span<const Record> rows) {
  const bool saves = target_.rows_together() > 1;
  if (saves)
    if (auto saved = target_.execute("SAVEPOINT bfl_rows"); !saved) return saved;
  const Result<void> done = send(rows);
  if (saves)
    if (auto ended = target_.execute(done ? "RELEASE SAVEPOINT bfl_rows" : "ROLLBACK TO SAVEPOINT bfl_rows; RELEASE SAVEPOINT bfl_rows"); !ended) return ended;
  if (done || done.error().kind != ErrorClass::data) return done;
  if (rows.size() > 1) {
    if (auto first = part(rows.first(rows.size() / 2)); !first) return first;
    return part(rows.subspan(rows.size() / 2));
  }
  refuse(rows.front(), done.error());
  return saves ? at_most_alone() : Result<void>{};
}

Result<void> PlannedChanges::at_most_alone() const {
  if (passes_->refusals.rows() < most_alone) return {};
  passes_->refusals.all = false;
  return Error{ErrorClass::refused, fmt::format("more than {} rows would be refused", most_alone)};
}

Result<void> PlannedChanges::send_each(std::span<const Record> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (auto sent = send(rows.subspan(i, 1)); !sent) return sent;
  return {};
}

void PlannedChanges::refuse(const Record& record, Error error) {
  const auto keys = static_cast<std::ptrdiff_t>(keys_.find(record.table)->second);
  if (error.row.empty()) error.row = named(program_, step_, record.table, Key(record.before.begin(), record.before.begin() + keys));
  passes_->refusals.add(error);
}

// Of one table, and all of them to be added, changed or removed.
Result<void> PlannedChanges::send(std::span<const Record> batch) {
  Hand& hand = hands_.find(batch[0].table)->second;
  const Act act = act_of(batch[0]);
  const lower::Statement& sql = act == Act::add ? hand.sql.add : act == Act::change ? hand.sql.change : hand.sql.remove;
  auto& statement = hand.prepared[static_cast<std::size_t>(act)];
  if (!statement) {
    auto prepared = target_.prepare(sql, evaluation_);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
  }
  const std::size_t keys = keys_.find(batch[0].table)->second;
  std::vector<Prepared::Parameters> sets;
  for (const Record& record : batch) {
    Prepared::Parameters& set = sets.emplace_back();
    for (std::size_t i = 0; act != Act::remove && i < std::min(record.after.size(), step_.assignments.size()); ++i) set.push_back(record.after[i].second.view());
    for (std::size_t i = 0; act != Act::add && i < keys; ++i) set.push_back(record.before[i].view());
  }
  added_.assign(batch.size(), {});
  std::size_t at = 0;
  if (shows_ && act == Act::add) target_.observe([&](const connect::RowChange& change) { added_[at] = ledger::key_of(change.after, change.after.size()); }, table_.name, {});
  std::vector<std::int64_t> changed(batch.size(), 0);
  auto done = statement->run_each(sets, [&](std::size_t i) { at = i; }, [&](std::size_t i, std::int64_t rows) { changed[i] = rows; });
  if (shows_ && act == Act::add) target_.stop_observing();
  if (!done) {
    Error error = done.error();
    const Record& record = batch[std::min(at, batch.size() - 1)];
    if (error.kind == ErrorClass::data && error.row.empty()) error.row = named(program_, step_, record.table, Key(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(keys)));
    return error;
  }
  for (at = 0; at < batch.size(); ++at) {
    if (!kept_ || step_.effects.empty() || !batch[at].table.empty()) break;
    if (changed[at] == 0 || ledger::is_in_between(batch[at]) || (shows_ && act == Act::add && added_[at].empty())) continue;
    if (auto kept = keep(batch[at], act, at); !kept) return kept;
  }
  return {};
}

Result<void> PlannedChanges::keep(const Record& record, Act act, std::size_t place) {
  constexpr program::EffectKind kinds[] = {program::EffectKind::inserted, program::EffectKind::updated, program::EffectKind::deleted};  // in step with Act
  for (std::size_t i = 0; i < step_.effects.size(); ++i) {
    if (step_.effects[i].kind != kinds[static_cast<std::size_t>(act)]) continue;
    const std::size_t keys = keys_.find("")->second;
    Result<Key> row = act == Act::remove   ? Key(record.before.begin() + static_cast<std::ptrdiff_t>(keys), record.before.end())
                      : act == Act::change ? as_changed(record)
                      : shows_             ? added_[place]
                                           : as_added();
    if (!row) return row.error();
    if (act == Act::add)
      for (std::size_t from = step_.assignments.size(); from < record.after.size(); ++from) row->push_back(record.after[from].second);
    if (auto kept = kept_(i, ledger::views(*row)); !kept) return kept;
  }
  return {};
}

// The row as it is after the change.
Result<Key> PlannedChanges::as_changed(const Record& record) {
  const auto keys = static_cast<std::ptrdiff_t>(keys_.find("")->second);
  Key row(record.before.begin() + keys, record.before.end());
  for (std::size_t i = 0; i < std::min(record.after.size(), step_.assignments.size()); ++i) row[static_cast<std::size_t>(record.after[i].first)] = record.after[i].second;
  const bool computed = std::any_of(table_.columns.begin(), table_.columns.end(), [](const Column& column) { return column.generated; });
  const lower::Statement& read = hands_.find("")->second.sql.read;
  if (!computed || step_.walk.empty() || read.text.empty()) return row;
  if (!read_) {
    auto prepared = target_.prepare(read, evaluation_);
    if (!prepared) return prepared.error();
    read_ = std::move(*prepared);
  }
  Key key;
  for (const int column : step_.walk) key.push_back(row[static_cast<std::size_t>(column)]);
  auto found = read_->query_raw(ledger::views(key), [&](RawRow now) {
    row = ledger::key_of(now, table_.columns.size());
    return false;
  });
  if (!found) return found.error();
  return row;
}

// SQLite: the row that was added last.
Result<Key> PlannedChanges::as_added() {
  if (table_.without_rowid) return Error{ErrorClass::refused, fmt::format("`{}` has no places by which a row that was added is found again", table_.name)};
  if (!last_added_) {
    std::string columns;
    for (const Column& column : table_.columns) columns += (columns.empty() ? "" : ", ") + lower::quote_identifier(column.name);
    auto prepared = target_.prepare(fmt::format("SELECT {} FROM {} WHERE {} = last_insert_rowid()", columns, lower::qualified(table_), lower::rowid_name(table_)));
    if (!prepared) return prepared.error();
    last_added_ = std::move(*prepared);
  }
  Key row;
  auto read = last_added_->query_raw({}, [&](RawRow now) {
    row = ledger::key_of(now, now.size());
    return false;
  });
  if (!read) return read.error();
  return row;
}

Result<void> fill_with_rows(const program::Program& program, const program::Step& step, connect::Connector& source, Spool& rows) {
  const lower::KeyedWrite write = lower::keyed_write(program, step, lower::dialect_of(source.engine()));
  auto insert = source.prepare(write.add, {});
  if (!insert) return insert.error();
  const std::size_t columns = program.table(step.target).columns.size();
  std::vector<Record> batch;
  Result<void> sound;
  const auto add = [&] {
    std::vector<Prepared::Parameters> sets;
    for (const Record& record : batch) {
      Prepared::Parameters& set = sets.emplace_back();
      for (const int column : write.added) set.push_back(record.before[record.before.size() - columns + static_cast<std::size_t>(column)].view());
    }
    if (!sets.empty()) sound = (*insert)->run_each(sets, [](std::size_t) {}, [](std::size_t, std::int64_t) {});
    batch.clear();
    return bool(sound);
  };
  return while_filling(source, [&] {
    auto read = each_changed([&](bool from_start) { return rows.next(from_start); }, joining_of(step), [&](const Record& record) {
      if (!record.table.empty() || record.before.size() < columns) return true;  // of another table, or not there
      batch.push_back(record);
      return batch.size() < source.rows_together() || add();
    });
    if (read && sound) add();
    return read ? sound : read;
  });
}

Result<void> change_at_once(const program::Program& program, const program::Step& step, connect::Connector& source, const eval::Context& evaluation, const PlannedChanges::Between& between) {
  auto sql = lower::direct_update(program, step, lower::dialect_of(source.engine()));
  if (!sql) return sql.error();
  std::unique_ptr<Prepared> last, bound_first, bound, change_first, change;
  const std::pair<std::unique_ptr<Prepared>*, const lower::Statement*> wanted[] = {{&last, &sql->last}, {&bound_first, &sql->bound_first}, {&bound, &sql->bound}, {&change_first, &sql->change_first}, {&change, &sql->change}};
  for (const auto& [to, statement] : wanted) {
    auto prepared = source.prepare(*statement, evaluation);
    if (!prepared) return prepared.error();
    *to = std::move(*prepared);
  }
  const auto one_key = [](Prepared& statement, const std::vector<connect::RawValue>& values) -> Result<Key> {
    Key key;
    auto read = statement.query_raw(values, [&](RawRow row) {
      key = ledger::key_of(row, row.size());
      return false;
    });
    return read ? Result<Key>(std::move(key)) : Result<Key>(read.error());
  };
  auto upto = one_key(*last, {});
  if (!upto || upto->empty()) return upto ? Result<void>{} : Result<void>{upto.error()};
  for (Key lo; lo.empty() || ledger::compare(lo, *upto) < 0;) {
    std::vector<connect::RawValue> values = ledger::views(lo);
    values.push_back(ledger::number(PlannedChanges::stretch - 1));
    auto hi = one_key(lo.empty() ? *bound_first : *bound, values);
    if (!hi) return hi.error();
    if (hi->empty() || ledger::compare(*hi, *upto) > 0) hi = *upto;
    values.pop_back();
    for (const connect::RawValue& value : ledger::views(*hi)) values.push_back(value);
    auto changed = (lo.empty() ? *change_first : *change).run_raw(values);
    if (!changed) return changed.error();
    if (auto paused = between ? between() : Result<void>{}; !paused) return paused;
    lo = std::move(*hi);
  }
  return {};
}

}  // namespace bfl::run
