#include "interpreter/run/row_back.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/discreet.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;
using ledger::Record;
using ledger::Stored;

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
const ledger::ImageTable& RowBack::table_of(const Record& record) const { return const_cast<RowBack*>(this)->hand_of(record).described; }

std::string RowBack::shown_key(const Record& record) const {
  const Hand& hand = const_cast<RowBack*>(this)->hand_of(record);
  const auto row = record.kind == 'i' ? ledger::row_after(record, hand.described.columns.size()) : record.before;
  std::string key;
  const auto values = ledger::key_in(row, hand.described.key);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Column& column = hand.columns[static_cast<std::size_t>(hand.described.key[i])];
    key += (i ? ", " : "") + (column.sensitive ? std::string(unshown) : as_written(column, Stored::of(values[i])));
  }
  return fmt::format("{} {}", hand.described.name, key);
}

Result<std::string> RowBack::referred_to(Hand& hand, const std::vector<Stored>& row) {
  for (std::size_t i = 0; i < hand.referring.size(); ++i) {
    std::vector<RawValue> values = ledger::key_in(row, hand.sql.referring[i].columns);
    if (std::any_of(values.begin(), values.end(), [](const RawValue& value) { return value.kind == RawValue::Class::null; })) continue;
    bool any = false;
    auto read = hand.referring[i]->query_raw(values, [&](RawRow) { return !(any = true); });
    if (!read) return read.error();
    if (any) return fmt::format("a row of `{}` refers to it", hand.sql.referring[i].table);
  }
  return std::string();
}

Result<Judged> RowBack::judge(const Record& record) {
  Hand& hand = hand_of(record);
  const std::size_t columns = hand.described.columns.size();
  const std::vector<Stored> before = ledger::row_before(record), left = ledger::row_after(record, columns);
  const std::vector<Stored>& place = record.kind == 'd' ? before : left;
  Judged judged;
  if (task_.keys && record.table.empty()) {
    ledger::Key key;
    for (const RawValue& value : ledger::key_in(place, hand.described.key)) key.push_back(Stored::of(value));
    if (ledger::compare(key, task_.keys->first) < 0 || ledger::compare(task_.keys->second, key) < 0) {
      judged.verdict = Verdict::passed_over;
      return judged;
    }
  }
  ledger::Key key;
  for (const RawValue& value : ledger::key_in(place, hand.described.key)) key.push_back(Stored::of(value));
  auto read = hand.read->query_raw(ledger::views(key), [&](RawRow row) {
    judged.now = ledger::key_of(row, row.size());
    return false;
  });
  if (!read) return read.error();
  const auto is = [&](const std::vector<Stored>& image, std::size_t column) { return column < image.size() && ledger::same(judged.now[column].view(), image[column].view()); };
  const auto conflict = [&](std::string reason) {
    judged.verdict = Verdict::conflict;
    judged.reason = std::move(reason);
    return judged;
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
    return judged;
  }
  if (record.kind == 'i') {
    if (!there) return judged.verdict = Verdict::as_before, judged;
    for (std::size_t i = 0; i < columns; ++i)
      if (!is(left, i)) return conflict(differs(i, left));
    auto referred = referred_to(hand, left);
    if (!referred) return referred.error();
    if (!referred->empty()) return conflict(*referred);
    return judged.verdict = Verdict::put_back, judged;
  }
  if (!there) return judged.verdict = Verdict::put_back, judged;
  for (std::size_t i = 0; i < columns; ++i)
    if (!is(before, i)) return conflict("another row has its key now");
  return judged.verdict = Verdict::as_before, judged;
}

Result<std::int64_t> RowBack::carry_out(const Record& record, const Judged& judged) {
  Hand& hand = hand_of(record);
  const std::vector<Stored> before = ledger::row_before(record), left = ledger::row_after(record, hand.described.columns.size());
  if (record.kind == 'u') {
    std::vector<RawValue> values;
    for (const int set : hand.described.sets) {
      const auto column = static_cast<std::size_t>(set);
      const bool changed = std::any_of(record.after.begin(), record.after.end(), [&](const auto& pair) { return pair.first == set; });
      values.push_back((changed ? before : judged.now)[column].view());
    }
    for (const RawValue& value : ledger::key_in(left, hand.described.key)) values.push_back(value);
    return hand.change->run_raw(values);
  }
  if (record.kind == 'i') return hand.remove->run_raw(ledger::key_in(left, hand.described.key));
  return hand.add->run_raw(ledger::key_in(before, hand.sql.added));
}

}  // namespace bfl::run
