#include "interpreter/run/as_left.h"

#include <algorithm>

#include "interpreter/base/decimal.h"

namespace bfl::run {

using ledger::Key;
using ledger::Record;

namespace {

// PostgreSQL gives a decimal back with as many digits as the column declares.
ledger::Stored as_stored(const Column& column, ledger::Stored value) {
  if (column.type.kind != Kind::decimal || column.scale < 0 || value.kind != connect::RawValue::Class::text) return value;
  if (const auto number = Decimal::parse(value.bytes)) value.bytes = number->to_string(column.scale);
  return value;
}

}  // namespace

// By the identity of the table, out of the image: steps may know their rows by other keys. Without one by its place.
ledger::Short AsLeft::row_of(const Record& record, std::size_t keys) const {
  const bfl::Key* identity = table_.identity();
  const auto at = [&](std::size_t i) { return record.before.begin() + static_cast<std::ptrdiff_t>(i); };
  Key key;
  if (!identity) key.assign(at(0), at(keys));
  else
    for (const int column : identity->columns) key.push_back(*at(keys + static_cast<std::size_t>(column)));
  return ledger::short_digest(ledger::views(key));
}

Result<void> AsLeft::follow(Spool& rows, std::size_t keys, Spool& into) {
  const std::size_t columns = table_.columns.size();
  PlannedRows planned(into);
  Result<void> kept;
  auto read = each_planned([&](bool from_start) { return rows.next(from_start); }, [&](const Record& given) {
    Record record = given;
    if (record.table.empty() && record.before.size() == keys + columns) {
      const ledger::Short row = row_of(record, keys);
      if (const auto known = set_.find(row); known != set_.end())
        for (const auto& [column, value] : known->second) record.before[keys + static_cast<std::size_t>(column)] = value;
      for (const auto& [column, value] : record.after)
        if (static_cast<std::size_t>(column) < columns) set_[row].emplace_back(column, as_stored(table_.columns[static_cast<std::size_t>(column)], value));  // the last one counts
    }
    std::vector<int> assigned;
    std::vector<connect::RawValue> values;
    for (const auto& [column, value] : record.after) {
      assigned.push_back(column);
      values.push_back(value.view());
    }
    const std::vector<connect::RawValue> before = ledger::views(record.before);
    const std::size_t key = std::min(keys, before.size());
    kept = planned.add(connect::RawRow(before).first(key), connect::RawRow(before).subspan(key), assigned, values, record.table, record.reason);
    return bool(kept);
  });
  if (!read || !kept) return read ? kept : read;
  return planned.end();
}

}  // namespace bfl::run
