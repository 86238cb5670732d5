#include "interpreter/run/discreet.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "interpreter/ledger/key_parts.h"

namespace bfl::run {
namespace {

// Messages that begin so name columns and constraints, never values.
constexpr std::string_view without_values[] = {
    "UNIQUE constraint failed", "NOT NULL constraint failed", "FOREIGN KEY constraint failed", "CHECK constraint failed",
    "duplicate key value violates", "null value in column", "new row for relation", "insert or update on table", "update or delete on table",
    "division by zero", "no branch of the `case`", "rows of `",
};
constexpr std::string_view refusal = "the database refused: ";

bool says_no_value(std::string_view message) {
  if (message.starts_with(refusal)) message.remove_prefix(refusal.size());
  if (message.starts_with("`") && message.find("` refers to no row of `") != std::string_view::npos) return true;
  return std::any_of(std::begin(without_values), std::end(without_values), [&](std::string_view head) { return message.starts_with(head); });
}

// What a key is made of: a column where it is one, and whether it must not be told.
struct Part {
  const Column* column = nullptr;
  bool hidden = false;
};

std::vector<Part> parts_of(const Table& table, const std::vector<int>& columns) {
  std::vector<Part> parts;
  for (const int index : columns) {
    const Column* column = index < 0 ? nullptr : &table.columns[static_cast<std::size_t>(index)];
    parts.push_back({column, column && column->sensitive});
  }
  return parts;
}

// By what the step knows its rows.
std::vector<Part> parts_of(const program::Program& program, const program::Step& step, const ledger::Key& key) {
  std::vector<Part> parts;
  if (!step.once_per.empty()) {
    check::Tells tells(program, step.relation.get());
    for (const auto& expr : step.once_per) parts.push_back({nullptr, tells(*expr)});
  } else {
    parts = parts_of(program.table(step.target), step.walk);
  }
  if (parts.size() == key.size()) return parts;
  // Known by something else: a number is a place, or the row's number in a set.
  parts.clear();
  for (const ledger::Stored& part : key) parts.push_back({nullptr, part.kind != connect::RawValue::Class::integer && check::handles_sensitive(program, step)});
  return parts;
}

std::string displayed(const ledger::Key& key, const std::vector<Part>& parts) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const Part part = i < parts.size() ? parts[i] : Part{};
    const bool hidden = part.hidden && key[i].kind != connect::RawValue::Class::null;
    const std::string value = hidden ? unshown : part.column ? as_written(*part.column, key[i]) : ledger::display({key[i]});
    out += (i ? ", " : "") + (key.size() > 1 && !hidden ? ledger::key_part(value) : value);
  }
  return out;
}

}  // namespace

std::string as_written(const Column& column, const ledger::Stored& stored) {
  const std::int64_t number = stored.integer;
  if (stored.kind != connect::RawValue::Class::integer) return ledger::display({stored});
  if (column.storage == Storage::boolean_integer && (number == 0 || number == 1)) return number == 1 ? "true" : "false";
  // Numbers of days and of microseconds are how PostgreSQL's are kept.
  const bool date = column.type.kind == Kind::date, counted = !column.base.empty() && (date || column.type.kind == Kind::timestamp);
  if (counted && number == std::numeric_limits<std::int64_t>::max()) return "infinity";
  if (counted && number == std::numeric_limits<std::int64_t>::min()) return "-infinity";
  if (counted && date && number >= min_date_days && number <= max_date_days) return format_date(Date{static_cast<std::int32_t>(number)});
  if (counted && !date && number >= min_timestamp_micros && number <= max_timestamp_micros) return format_timestamp(Timestamp{number});
  return ledger::display({stored});
}

std::string shown(const Column& column, const Result<Value>& value) { return column.sensitive && value && !value->is_null() ? unshown : shown(value); }

std::string literal(const Column& column, const Value& value) { return column.sensitive && !value.is_null() ? unshown : to_literal(value); }

std::string display_key(const program::Program& program, const program::Step& step, const ledger::Key& key) { return displayed(key, parts_of(program, step, key)); }

std::string display_key(const Table& table, const std::vector<int>& columns, const ledger::Key& key) { return displayed(key, parts_of(table, columns)); }

Error discreet(const program::Program& program, const program::Step& step, Error error) {
  if ((error.kind != ErrorClass::data && error.kind != ErrorClass::conflict) || !check::handles_sensitive(program, step)) return error;
  error.help = help_of(error);
  error.detail.clear();
  if (says_no_value(error.message)) return error;
  error.message = error.message.starts_with("join") ? "join: it does not find exactly one row for each" : "a row does not fit";
  error.message += "; what it holds stays unsaid: the step handles sensitive columns";
  return error;
}

}  // namespace bfl::run
