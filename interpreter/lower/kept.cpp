// Tables that bfl keeps for later steps: made, filled by one statement or row by row, counted.
#include <fmt/format.h>

#include "interpreter/lower/postgres.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/writing.h"

namespace bfl::lower {

namespace {

std::string declared_type(const Column& column) {
  // What the catalogue has of a generated column or a collation is no part of a type.
  std::string type;
  for (char c : column.declared)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '(' || c == ')' || c == ',' || c == ' ' || c == '_') type += c;
  return type.empty() ? "" : " " + type;
}

// INSERT … SELECT of the relation's fields, each in the form of its column: what else the table has, a program gives.
Statement fill(const program::Program& program, const Table& kept, const program::Relation& rows) {
  Writer writer(program);
  std::vector<Wire> wires;
  const std::string block = writer.block(rows, &wires);
  std::vector<Sql> fields;
  for (std::size_t i = 0; i < wires.size(); ++i) fields.push_back({fmt::format("b.c{}", i), wires[i]});
  const program::InputId hole = writer.fresh();
  writer.see_hole(hole, fields);
  std::vector<std::string> values;
  for (std::size_t i = 0; i < rows.fields.size(); ++i)
    values.push_back(writer.value_as(column_of(hole, static_cast<int>(i), rows.fields[i].expr->type), wire_of(kept.columns[i])));
  return writer.finish(fmt::format("INSERT INTO {} SELECT {} FROM ({}) AS b", qualified(kept), listed(values), block));
}

}  // namespace

KeptTable kept_table(const program::Program& program, program::TableRef ref, const program::Relation* rows, bool temporary, Dialect dialect) {
  if (dialect == Dialect::postgres) return postgres::kept_table(program, ref);
  const Table& kept = program.table(ref);
  const std::string schema = temporary ? "temp" : "main", name = quote_identifier(kept.name);
  std::vector<std::string> columns;
  for (const Column& column : kept.columns) columns.push_back(quote_identifier(column.name) + declared_type(column));
  KeptTable made;
  made.drop = fmt::format("DROP TABLE IF EXISTS {}.{}", schema, name);
  made.create = fmt::format("CREATE TABLE {}.{} ({})", schema, name, listed(columns));
  for (std::size_t i = 0; i < kept.keys.size(); ++i) {
    std::vector<std::string> key;
    for (int column : kept.keys[i].columns) key.push_back(quote_identifier(kept.columns[static_cast<std::size_t>(column)].name));
    made.indexes.push_back(fmt::format("CREATE UNIQUE INDEX {}.{} ON {} ({})", schema, quote_identifier(fmt::format("{}_key{}", kept.name, i)), name, listed(key)));
  }
  if (rows) {
    made.fill = made.select = fill(program, kept, *rows);
    made.select.text.erase(0, made.select.text.find("SELECT "));
  }
  Writer add(program), count(program);
  made.add = add.finish(fmt::format("INSERT INTO {} VALUES ({})", name, listed(parameters(1, columns.size()))));
  made.count = count.finish(fmt::format("SELECT count(*) FROM {}", name));
  return made;
}

}  // namespace bfl::lower
