#include "interpreter/run/planned_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interpreter/ledger/own_sql.h"
#include "interpreter/lower/keyed.h"
#include "interpreter/lower/writer.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/intended.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

constexpr std::int64_t most_alone = 1'000;  // rows that are found by halving

// What a run makes of them, and of which of them, hangs on how far it is.
Error refused_together() { return {ErrorClass::refused, "rows that take over each other's values under a unique key are refused together"}; }

}  // namespace

using connect::Prepared;
using connect::RawRow;
using ledger::Key;
using ledger::Record;

PlannedChanges::PlannedChanges(const program::Program& program, const program::Step& step, connect::Connector& target, const eval::Context& evaluation,
                               std::function<bool(program::TableRef)> wanted, EachKept kept, const PassedOver* passes)
    : program_(program), step_(step), table_(program.table(step.target)), target_(target), evaluation_(evaluation), wanted_(std::move(wanted)), kept_(std::move(kept)), passes_(passes) {
  lower::Hands hands = lower::hands(program, step, lower::dialect_of(target.engine()));
  if (passes) references_.emplace(program, step, target, passes->references);
  most_ = sequenced(step, hands, false) || (references_ && references_->itself()) ? 1 : target.rows_together();
  if (wanted_(step.target)) hands_[""].sql = std::move(hands.own);
  keys_[""] = key_values(step);
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
  Result<void> sound;
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
    std::set<std::string> waiting;  // a row that is parked meanwhile comes twice
    std::erase_if(rows, [&](const Record& record) {
      std::string key = ledger::encode(Key(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(keys)));
      return passes_->waiting.contains(key) && (waiting.insert(std::move(key)), true);
    });
    passes_->refusals.waiting += static_cast<std::int64_t>(waiting.size());
  }
  if (passes_->only_waiting) return rows.empty() ? Result<void>{} : together ? send_each(rows) : send(rows);
  if (own && !rows.empty()) {
    const auto broken = references_->broken(rows, keys);
    if (!broken) return Error{ErrorClass::refused, broken.error().message, broken.error().detail};  // not what a row is refused for
    const auto first = std::find_if(broken->begin(), broken->end(), [](const std::string& why) { return !why.empty(); });
    if (together && first != broken->end()) return refused_together();
    std::vector<Record> left;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if ((*broken)[i].empty()) left.push_back(std::move(rows[i]));
      else refuse(rows[i], {ErrorClass::data, (*broken)[i]});
    }
    rows = std::move(left);
  }
  return rows.empty() ? Result<void>{} : part(rows, together);
}

// Halved until what is not taken is alone, where the engine takes several at a time.
Result<void> PlannedChanges::part(std::span<const Record> rows, bool together) {
  const bool saves = together || target_.rows_together() > 1;
  if (saves)
    if (auto saved = target_.execute("SAVEPOINT bfl_rows"); !saved) return saved;
  Result<void> done = together ? send_each(rows) : send(rows);
  if (saves)
    if (auto ended = target_.execute(done ? "RELEASE SAVEPOINT bfl_rows" : "ROLLBACK TO SAVEPOINT bfl_rows; RELEASE SAVEPOINT bfl_rows"); !ended) return ended;
  if (done || done.error().kind != ErrorClass::data) return done;
  if (together) return refused_together();
  if (rows.size() > 1) {
    if (auto first = part(rows.first(rows.size() / 2), false); !first) return first;
    return part(rows.subspan(rows.size() / 2), false);
  }
  refuse(rows.front(), done.error());
  if (!saves || passes_->refusals.rows() < most_alone) return {};
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
    if (changed[at] == 0 || (shows_ && act == Act::add && added_[at].empty())) continue;
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

std::size_t key_values(const program::Step& step) {
  if (program::adds_rows(step.kind)) return step.key.empty() ? step.once_per.size() : step.key.size();
  return std::max<std::size_t>(step.walk.size(), 1);
}

ledger::Joining joining_of(const program::Step& step) { return ledger::Joining(program::adds_rows(step.kind) ? step.key : step.walk, key_values(step)); }

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
  for (Key lo; lo.empty() || ledger::compare(lo, *upto, sql->key) < 0;) {
    std::vector<connect::RawValue> values = ledger::views(lo);
    values.push_back(ledger::number(PlannedChanges::stretch - 1));
    auto hi = one_key(lo.empty() ? *bound_first : *bound, values);
    if (!hi) return hi.error();
    if (hi->empty() || ledger::compare(*hi, *upto, sql->key) > 0) hi = *upto;
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
