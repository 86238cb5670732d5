#include "interpreter/lower/keyed.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/postgres.h"
#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/writing.h"

namespace bfl::lower {
namespace {

std::vector<std::string> names(const Table& table, const std::vector<int>& columns) {
  std::vector<std::string> all;
  for (const int column : columns) all.push_back(quote_identifier(table.columns[static_cast<std::size_t>(column)].name));
  return all;
}

Statement plain(std::string text) {
  Statement statement;
  statement.text = std::move(text);
  return statement;
}

void refer(const program::Program& program, const program::Step& step, KeyedWrite& made, Dialect dialect) {
  const bool postgres = dialect == Dialect::postgres;
  const Table& table = program.table(step.target);
  const std::vector<Table>& tables = program.catalogues[static_cast<std::size_t>(step.target.source)].tables;
  for (const ForeignKey& key : program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys) {
    if (key.parent != table.name) continue;
    KeyedWrite::Referring referring{key.table, {}, {}};
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < key.columns.size() && i < key.parent_columns.size(); ++i) {
      referring.columns.push_back(table.column_index(key.parent_columns[i]));
      parts.push_back(fmt::format("{} = {}{}", quote_identifier(key.columns[i]), postgres ? '$' : '?', i + 1));
    }
    const auto child = std::find_if(tables.begin(), tables.end(), [&](const Table& other) { return other.name == key.table; });
    if (parts.empty() || child == tables.end()) continue;
    referring.any = plain(fmt::format("SELECT 1 FROM {} WHERE {} LIMIT 1", postgres ? postgres::relation_name(*child) : qualified(*child), listed(parts, " AND ")));
    if (postgres)
      for (const int column : referring.columns) referring.any.parameters.push_back(wire_of(table.columns[static_cast<std::size_t>(column)]));
    made.referring.push_back(std::move(referring));
  }
}

// PostgreSQL's statements bring the images of their rows back: they are those of steps that add, change and delete.
KeyedWrite by_hands(const program::Program& program, const program::Step& given, KeyedWrite made) {
  const Table& table = program.table(given.target);
  program::Step step = given;
  step.cascades.clear();
  step.key = step.walk;
  Hand hand = postgres::hands(program, step).own;
  made.read = std::move(hand.read);
  if (!step.assignments.empty()) made.change = std::move(hand.change);
  step.kind = program::StepKind::remove;
  made.remove = postgres::hands(program, step).own.remove;
  step.kind = program::StepKind::insert;
  step.assignments.clear();
  for (const int column : made.added) step.assignments.push_back({.column = column, .value = nullptr});
  made.add = postgres::hands(program, step).own.add;
  for (Statement* statement : {&made.change, &made.remove, &made.add}) statement->table = table.name;
  return made;
}

}  // namespace

KeyedWrite keyed_write(const program::Program& program, const program::Step& step, Dialect dialect) {
  const Table& table = program.table(step.target);
  const std::string name = qualified(table);
  const std::size_t keys = step.walk.size();
  KeyedWrite made;
  std::vector<int> all;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    all.push_back(static_cast<int>(i));
    if (!table.columns[i].generated) made.added.push_back(static_cast<int>(i));
  }
  refer(program, step, made, dialect);
  if (dialect == Dialect::postgres) return by_hands(program, step, std::move(made));
  const auto by_key = [&](std::size_t first) { return tuple_equal(names(table, step.walk), parameters(first, keys)); };
  made.read = plain(fmt::format("SELECT {} FROM {} WHERE {}", listed(names(table, all)), name, by_key(1)));
  std::vector<std::string> sets;
  for (const program::Assignment& assignment : step.assignments)
    sets.push_back(fmt::format("{} = ?{}", quote_identifier(table.columns[static_cast<std::size_t>(assignment.column)].name), sets.size() + 1));
  if (!sets.empty()) made.change = plain(fmt::format("UPDATE {} SET {} WHERE {}", name, listed(sets), by_key(sets.size() + 1)));
  made.add = plain(fmt::format("INSERT INTO {} ({}) VALUES ({})", name, listed(names(table, made.added)), listed(parameters(1, made.added.size()))));
  made.remove = plain(fmt::format("DELETE FROM {} WHERE {}", name, by_key(1)));
  return made;
}

}  // namespace bfl::lower
