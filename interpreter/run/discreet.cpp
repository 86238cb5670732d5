#include "interpreter/run/discreet.h"

#include <fmt/format.h>

#include <algorithm>

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

// By what the step knows its rows: which of it must not be told.
std::vector<bool> hidden_parts(const program::Program& program, const program::Step& step, const ledger::Key& key) {
  std::vector<bool> hidden;
  if (!step.once_per.empty()) {
    check::Tells tells(program, step.relation.get());
    for (const auto& expr : step.once_per) hidden.push_back(tells(*expr));
  } else {
    for (const int column : step.walk) hidden.push_back(program.table(step.target).columns[static_cast<std::size_t>(column)].sensitive);
  }
  if (hidden.size() == key.size()) return hidden;
  // Known by something else: a number is a place, or the row's number in a set.
  hidden.clear();
  for (const ledger::Stored& part : key) hidden.push_back(part.kind != connect::RawValue::Class::integer && check::handles_sensitive(program, step));
  return hidden;
}

std::string displayed(const ledger::Key& key, const std::vector<bool>& hidden) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) out += fmt::format("{}{}", i ? ", " : "", hidden[i] && key[i].kind != connect::RawValue::Class::null ? unshown : ledger::display({key[i]}));
  return out;
}

}  // namespace

std::string shown(const Column& column, const Result<Value>& value) { return column.sensitive && value && !value->is_null() ? unshown : shown(value); }

std::string literal(const Column& column, const Value& value) { return column.sensitive && !value.is_null() ? unshown : to_literal(value); }

std::string display_key(const program::Program& program, const program::Step& step, const ledger::Key& key) { return displayed(key, hidden_parts(program, step, key)); }

std::string display_key(const Table& table, const std::vector<int>& columns, const ledger::Key& key) {
  std::vector<bool> hidden;
  for (std::size_t i = 0; i < key.size(); ++i) hidden.push_back(i < columns.size() && columns[i] >= 0 && table.columns[static_cast<std::size_t>(columns[i])].sensitive);
  return displayed(key, hidden);
}

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
