#include "interpreter/run/row_back.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/discreet.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;
using ledger::Record;
using ledger::Stored;

namespace {

bool same_row(const std::vector<Stored>& one, const std::vector<Stored>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](const Stored& a, const Stored& b) { return ledger::same(a.view(), b.view()); });
}

}  // namespace

Result<std::unique_ptr<RowBack>> RowBack::prepare(const program::Program& program, connect::Connector& target, const UndoTask& task) {
  std::unique_ptr<RowBack> back(new RowBack(target, task));
  const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(task.source)];
  const lower::Dialect dialect = lower::dialect_of(catalogue);
  for (const ledger::ImageTable& described : task.tables) {
    Hand& hand = back->hands_.emplace_back();
    hand.described = described;
    program::Step step = task.step;
    if (back->hands_.size() > 1) {
      step.assignments.clear();
      for (const int column : described.sets) step.assignments.push_back({.column = column, .value = nullptr});
      for (std::size_t i = 0; i < catalogue.tables.size(); ++i)
        if (catalogue.tables[i].name == described.name) step.target.table = static_cast<int>(i);
    }
    for (const std::string& name : described.columns) {
      const int column = program.table(step.target).column_index(name);
      hand.columns.push_back(column < 0 ? Column() : program.table(step.target).columns[static_cast<std::size_t>(column)]);
    }
    step.walk = described.key;
    hand.sql = lower::keyed_write(program, step, dialect, back->hands_.size() > 1);
    const std::pair<std::unique_ptr<connect::Prepared>*, const lower::Statement*> wanted[] = {
        {&hand.read, &hand.sql.read}, {&hand.change, &hand.sql.change}, {&hand.add, &hand.sql.add}, {&hand.remove, &hand.sql.remove}};
    for (const auto& [to, statement] : wanted) {
      if (statement->text.empty()) continue;
      auto prepared = target.prepare(*statement, eval::Context{});
      if (!prepared) return prepared.error();
      *to = std::move(*prepared);
    }
    for (const auto& referring : hand.sql.referring) {
      auto prepared = target.prepare(referring.any, eval::Context{});
      if (!prepared) return prepared.error();
      hand.referring.push_back(std::move(*prepared));
    }
  }
  const lower::KeyedWrite& own = back->hands_[0].sql;
  back->query_ = !own.change.text.empty() ? own.change.text : own.remove.text;
  return back;
}

RowBack::Hand& RowBack::hand_of(const Record& record) {
  for (Hand& hand : hands_)
    if (hand.described.name == record.table) return hand;
  return hands_[0];
}
const ledger::ImageTable& RowBack::table_of(const Record& record) const { return hand_of(record).described; }

std::string RowBack::shown_key(const Record& record) const {
  const Hand& hand = hand_of(record);
  const auto row = record.kind == 'i' ? ledger::row_after(record, hand.described.columns.size()) : record.before;
  return shown(hand, ledger::key_in(row, hand.described.key));
}

std::string RowBack::shown_key(const ledger::Key& key) const { return shown(hands_[0], ledger::views(key)); }

std::string RowBack::shown(const Hand& hand, const std::vector<RawValue>& values) {
  std::string key;
  for (std::size_t i = 0; i < values.size() && i < hand.described.key.size(); ++i) {
    const Column& column = hand.columns[static_cast<std::size_t>(hand.described.key[i])];
    key += (i ? ", " : "") + (column.sensitive ? std::string(unshown) : as_written(column, Stored::of(values[i])));
  }
  return fmt::format("{} {}", hand.described.name, key);
}

// Rows of one table that refer to each other go one after the other: what refers to a row may be put back before it.
std::size_t RowBack::most_together(const Record& record) const {
  const Hand& hand = hand_of(record);
  const bool itself = std::any_of(hand.sql.referring.begin(), hand.sql.referring.end(), [&](const auto& referring) { return referring.table == hand.described.name; });
  return itself ? 1 : target_.rows_together();
}

std::set<std::string> RowBack::rows_of(const Record& record) const {
  const ledger::ImageTable& table = table_of(record);
  std::set<std::string> keys;
  for (const auto& row : {ledger::row_before(record), ledger::row_after(record, table.columns.size())}) {
    if (row.empty()) continue;
    const std::vector<RawValue> key = ledger::key_in(row, table.key);
    keys.insert(ledger::encode(ledger::key_of(key, key.size())));
  }
  return keys;
}

Result<std::vector<Judged>> RowBack::judge(Records records, bool asked_for) {
  std::vector<Judged> all(records.size());
  if (records.empty()) return all;
  Hand& hand = hand_of(*records.front());
  std::vector<ledger::Key> keys;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = *records[i];
    const std::vector<Stored> place = record.kind == 'd' ? ledger::row_before(record) : ledger::row_after(record, hand.described.columns.size());
    const std::vector<RawValue> values = ledger::key_in(place, hand.described.key);
    ledger::Key key = ledger::key_of(values, values.size());
    if (asked_for && task_.keys && record.table.empty() && (ledger::compare(key, task_.keys->first) < 0 || ledger::compare(task_.keys->second, key) < 0)) {
      all[i].verdict = Verdict::passed_over;
      continue;
    }
    keys.push_back(std::move(key));
    asked.push_back(i);
  }
  std::vector<connect::Prepared::Parameters> sets;
  for (const ledger::Key& key : keys) sets.push_back(ledger::views(key));
  auto read = hand.read->query_each(sets, [&](std::size_t set, RawRow row) {
    if (std::vector<Stored>& now = all[asked[set]].now; now.empty()) now = ledger::key_of(row, row.size());
  });
  if (!read) return read.error();
  for (const std::size_t i : asked) decide(hand, *records[i], all[i]);
  if (auto found = find_under_old_keys(hand, records, asked, all); !found) return found.error();
  if (auto kept = refuse_referred(hand, records, all); !kept) return kept.error();
  return all;
}

// By the row itself: of an added one it is then asked whether others refer to it.
void RowBack::decide(const Hand& hand, const Record& record, Judged& judged) const {
  const std::size_t columns = hand.described.columns.size();
  const std::vector<Stored> before = ledger::row_before(record), left = ledger::row_after(record, columns);
  const auto is = [&](const std::vector<Stored>& image, std::size_t column) { return column < image.size() && ledger::same(judged.now[column].view(), image[column].view()); };
  const auto conflict = [&](std::string reason) {
    judged.verdict = Verdict::conflict;
    judged.reason = std::move(reason);
  };
  const auto differs = [&](std::size_t column, const std::vector<Stored>& image) {
    if (hand.columns[column].sensitive) return fmt::format("`{}`, which is sensitive, was changed since", hand.described.columns[column]);
    return fmt::format("`{}` was changed since: it is {}, and was left as {}", hand.described.columns[column], as_written(hand.columns[column], judged.now[column]), as_written(hand.columns[column], image[column]));
  };
  const bool there = !judged.now.empty();
  // Whatever was erased of it: what is left hangs on no leaf of its pack any more, and is not written into a table.
  if (!record.erased.empty()) return conflict("its image was redacted: nobody can tell what it was");
  if (there && judged.now.size() != columns) return conflict("the table has other columns now");
  if (record.kind == 'u') {
    if (!there) return conflict("the row is gone");
    bool as_left = true, as_before = true;
    std::size_t first = 0;
    for (const auto& [column, value] : record.after) {
      const auto at = static_cast<std::size_t>(column);
      if (as_left && !is(left, at)) as_left = false, first = at;
      as_before = as_before && is(before, at);
    }
    if (!as_left && !as_before) return conflict(differs(first, left));
    judged.verdict = as_left ? Verdict::put_back : Verdict::as_before;
    return;
  }
  if (record.kind == 'i') {
    for (std::size_t i = 0; there && i < columns; ++i)
      if (!is(left, i)) return conflict(differs(i, left));
    judged.verdict = there ? Verdict::put_back : Verdict::as_before;
    return;
  }
  for (std::size_t i = 0; there && i < columns; ++i)
    if (!is(before, i)) return conflict("another row has its key now");
  judged.verdict = there ? Verdict::as_before : Verdict::put_back;
}

// A row whose key the step has set, and which is not there as it was left, may be back where it was: whole, or it is another one.
Result<void> RowBack::find_under_old_keys(Hand& hand, Records records, const std::vector<std::size_t>& judged, std::vector<Judged>& all) {
  if (!hand.described.key_moves()) return {};
  std::vector<std::size_t> asked;
  std::vector<connect::Prepared::Parameters> sets;
  for (const std::size_t i : judged) {
    const Record& record = *records[i];
    if (record.kind != 'u' || !record.erased.empty() || same_row(all[i].now, ledger::row_after(record, hand.described.columns.size()))) continue;
    asked.push_back(i);
    sets.push_back(ledger::key_in(record.before, hand.described.key));
  }
  if (asked.empty()) return {};
  return hand.read->query_each(sets, [&](std::size_t set, RawRow row) {
    if (same_row(ledger::key_of(row, row.size()), records[asked[set]]->before)) all[asked[set]] = Judged{Verdict::as_before, {}, {}};
  });
}

// An added row stays where a row of another table refers to it.
Result<void> RowBack::refuse_referred(Hand& hand, Records records, std::vector<Judged>& all) {
  for (std::size_t r = 0; r < hand.referring.size(); ++r) {
    const auto& referring = hand.sql.referring[r];
    std::vector<std::size_t> asked;
    std::vector<std::vector<Stored>> rows;  // what the sets are views of
    std::vector<connect::Prepared::Parameters> sets;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (records[i]->kind != 'i' || all[i].verdict != Verdict::put_back) continue;
      std::vector<Stored> row = ledger::row_after(*records[i], hand.described.columns.size());
      std::vector<RawValue> values = ledger::key_in(row, referring.columns);
      if (std::any_of(values.begin(), values.end(), [](const RawValue& value) { return value.kind == RawValue::Class::null; })) continue;
      asked.push_back(i);
      rows.push_back(std::move(row));
      sets.push_back(std::move(values));
    }
    auto read = hand.referring[r]->query_each(sets, [&](std::size_t set, RawRow) {
      all[asked[set]].verdict = Verdict::conflict;
      all[asked[set]].reason = fmt::format("a row of `{}` refers to it", referring.table);
    });
    if (!read) return read;
  }
  return {};
}

Result<void> RowBack::carry_out(Records records, std::span<const Judged> judged, const connect::Prepared::EachBefore& before, const connect::Prepared::EachDone& done) {
  if (records.empty()) return {};
  Hand& hand = hand_of(*records.front());
  const char kind = records.front()->kind;
  std::vector<connect::Prepared::Parameters> sets;
  std::vector<std::vector<Stored>> rows;  // what the sets are views of
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = *records[i];
    if (kind == 'd') {
      sets.push_back(ledger::key_in(record.before, hand.sql.added));
      continue;
    }
    connect::Prepared::Parameters& values = sets.emplace_back();
    for (const int set : kind == 'u' ? hand.described.sets : std::vector<int>()) {
      const bool changed = std::any_of(record.after.begin(), record.after.end(), [&](const auto& pair) { return pair.first == set; });
      values.push_back((changed ? record.before : judged[i].now)[static_cast<std::size_t>(set)].view());
    }
    rows.push_back(ledger::row_after(record, hand.described.columns.size()));
    for (const RawValue& value : ledger::key_in(rows.back(), hand.described.key)) values.push_back(value);
  }
  return (kind == 'u' ? hand.change : kind == 'i' ? hand.remove : hand.add)->run_each(sets, before, done);
}

}  // namespace bfl::run
