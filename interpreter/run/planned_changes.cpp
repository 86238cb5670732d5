#include "interpreter/run/planned_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interpreter/lower/writer.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/intended.h"

namespace bfl::run {

using connect::Prepared;
using connect::RawRow;
using ledger::Key;
using ledger::Record;

PlannedChanges::PlannedChanges(const program::Program& program, const program::Step& step, connect::Connector& target, const eval::Context& evaluation,
                               std::function<bool(program::TableRef)> wanted, EachKept kept)
    : program_(program), step_(step), table_(program.table(step.target)), target_(target), evaluation_(evaluation), wanted_(std::move(wanted)), kept_(std::move(kept)) {
  lower::Hands hands = lower::hands(program, step, lower::dialect_of(target.engine()));
  most_ = sequenced(step, hands, false) ? 1 : target.rows_together();
  if (wanted_(step.target)) hands_[""].sql = std::move(hands.own);
  keys_[""] = program::adds_rows(step.kind) ? (step.key.empty() ? step.once_per.size() : step.key.size()) : std::max<std::size_t>(step.walk.size(), 1);
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
  const auto same_row = [&](const Record& a, const Record& b) {
    const auto keys = static_cast<std::ptrdiff_t>(keys_.find(a.table)->second);
    return std::equal(a.before.begin(), a.before.begin() + keys, b.before.begin(), [](const auto& x, const auto& y) { return ledger::same(x.view(), y.view()); });
  };
  auto read = each_planned([&](bool from_start) { return rows.next(from_start); }, [&](const Record& record) {
    if (!hands_.contains(record.table)) return true;
    const bool joins = batch_.empty() || (batch_.size() < most_ && batch_[0].table == record.table && act_of(batch_[0]) == act_of(record) &&
                                          (act_of(record) == Act::add || !same_row(batch_.back(), record)));
    if (!joins) sound = flush();
    batch_.push_back(record);
    return bool(sound);
  });
  if (!read) return read;
  return sound ? flush() : sound;
}

Result<void> PlannedChanges::flush() {
  if (batch_.empty()) return {};
  Hand& hand = hands_.find(batch_[0].table)->second;
  const Act act = act_of(batch_[0]);
  const lower::Statement& sql = act == Act::add ? hand.sql.add : act == Act::change ? hand.sql.change : hand.sql.remove;
  auto& statement = hand.prepared[static_cast<std::size_t>(act)];
  if (!statement) {
    auto prepared = target_.prepare(sql, evaluation_);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
  }
  const std::size_t keys = keys_.find(batch_[0].table)->second;
  std::vector<Prepared::Parameters> sets;
  for (const Record& record : batch_) {
    Prepared::Parameters& set = sets.emplace_back();
    for (std::size_t i = 0; act != Act::remove && i < std::min(record.after.size(), step_.assignments.size()); ++i) set.push_back(record.after[i].second.view());
    for (std::size_t i = 0; act != Act::add && i < keys; ++i) set.push_back(record.before[i].view());
  }
  added_.assign(batch_.size(), {});
  std::size_t at = 0;
  if (shows_ && act == Act::add) target_.observe([&](const connect::RowChange& change) { added_[at] = ledger::key_of(change.after, change.after.size()); }, table_.name, {});
  std::vector<std::int64_t> changed(batch_.size(), 0);
  auto done = statement->run_each(sets, [&](std::size_t i) { at = i; }, [&](std::size_t i, std::int64_t rows) { changed[i] = rows; });
  if (shows_ && act == Act::add) target_.stop_observing();
  if (!done) {
    Error error = done.error();
    const Record& record = batch_[std::min(at, batch_.size() - 1)];
    if (error.kind == ErrorClass::data && error.row.empty()) error.row = named(program_, step_, record.table, Key(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(keys)));
    return error;
  }
  for (at = 0; at < batch_.size(); ++at) {
    if (step_.effects.empty() || !batch_[at].table.empty()) break;
    if (changed[at] == 0 || (shows_ && act == Act::add && added_[at].empty())) continue;
    if (auto kept = keep(batch_[at], act); !kept) return kept;
  }
  batch_.clear();
  return {};
}

Result<void> PlannedChanges::keep(const Record& record, Act act) {
  constexpr program::EffectKind kinds[] = {program::EffectKind::inserted, program::EffectKind::updated, program::EffectKind::deleted};  // in step with Act
  for (std::size_t i = 0; i < step_.effects.size(); ++i) {
    if (step_.effects[i].kind != kinds[static_cast<std::size_t>(act)]) continue;
    const std::size_t keys = keys_.find("")->second;
    Result<Key> row = act == Act::remove   ? Key(record.before.begin() + static_cast<std::ptrdiff_t>(keys), record.before.end())
                      : act == Act::change ? as_changed(record)
                      : shows_             ? added_[static_cast<std::size_t>(&record - batch_.data())]
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

Result<void> change_at_once(const program::Program& program, const program::Step& step, connect::Connector& source, const eval::Context& evaluation) {
  auto sql = lower::direct_update(program, step, lower::dialect_of(source.engine()));
  if (!sql) return sql.error();
  Key upto;
  auto last = source.prepare(sql->last, evaluation);
  if (!last) return last.error();
  auto read = (*last)->query_raw({}, [&](RawRow row) {
    upto = ledger::key_of(row, row.size());
    return false;
  });
  if (!read || upto.empty()) return read;
  auto change = source.prepare(sql->change_first, evaluation);
  if (!change) return change.error();
  auto changed = (*change)->run_raw(ledger::views(upto));
  return changed ? Result<void>{} : Result<void>{changed.error()};
}

}  // namespace bfl::run
