#include "interpreter/lower/keyed.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/postgres.h"
#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/writing.h"

namespace bfl::lower {
namespace {

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
      const int parent = table.column_index(key.parent_columns[i]);
      referring.columns.push_back(parent);
      const std::string value = postgres ? postgres::given(table.columns[static_cast<std::size_t>(parent)], i + 1) : fmt::format("?{}", i + 1);
      parts.push_back(fmt::format("{} = {}", quote_identifier(key.columns[i]), value));
    }
    const auto child = std::find_if(tables.begin(), tables.end(), [&](const Table& other) { return other.name == key.table; });
    if (parts.empty() || child == tables.end()) continue;
    referring.any = plain(fmt::format("SELECT 1 FROM {} WHERE {} LIMIT 1", postgres ? postgres::relation_name(*child) : qualified(*child), listed(parts, " AND ")));
    if (postgres) referring.any.text = postgres::Writer(program).numbered(std::move(referring.any.text));
    if (postgres)
      for (const int column : referring.columns) referring.any.parameters.push_back(wire_of(table.columns[static_cast<std::size_t>(column)]));
    made.referring.push_back(std::move(referring));
  }
}

}  // namespace

Statement whole_table(const program::Program& program, program::TableRef ref, Dialect dialect) {
  if (dialect == Dialect::postgres) return postgres::whole_table(program, ref);
  const Table& table = program.table(ref);
  std::vector<std::string> columns;
  for (const Column& column : table.columns) columns.push_back(quote_identifier(column.name));
  return plain(fmt::format("SELECT {} FROM {}", listed(columns), qualified(table)));
}

std::vector<int> shown_after(const program::Program& program, const program::Step& step, Dialect dialect) {
  std::vector<int> columns;
  for (const program::Assignment& assignment : step.assignments) columns.push_back(assignment.column);
  if (dialect != Dialect::postgres || columns.empty()) return columns;
  const Table& table = program.table(step.target);
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (table.columns[i].generated && std::find(columns.begin(), columns.end(), static_cast<int>(i)) == columns.end()) columns.push_back(static_cast<int>(i));
  return columns;
}

// The statements are those of steps that add, change and delete.
KeyedWrite keyed_write(const program::Program& program, const program::Step& given, Dialect dialect, bool beside) {
  const Table& table = program.table(given.target);
  KeyedWrite made;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (!table.columns[i].generated) made.added.push_back(static_cast<int>(i));
  refer(program, given, made, dialect);

  program::Step step = given;
  step.cascades.clear();
  step.key.clear();  // of an upsert, whose key stays: here it goes back as well
  Hand hand = hands(program, step, dialect).own;
  made.read = std::move(hand.read);
  if (!step.assignments.empty()) made.change = beside && dialect == Dialect::postgres ? postgres::change_beside(program, step) : std::move(hand.change);
  step.kind = program::StepKind::remove;
  made.remove = hands(program, step, dialect).own.remove;
  step.kind = program::StepKind::insert;
  step.key = step.walk;
  step.assignments.clear();
  for (const int column : made.added) step.assignments.push_back({.column = column, .value = nullptr});
  made.add = hands(program, step, dialect).own.add;
  for (Statement* statement : {&made.change, &made.remove, &made.add}) statement->table = table.name;
  return made;
}

}  // namespace bfl::lower
