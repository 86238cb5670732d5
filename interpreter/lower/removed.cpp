// What hangs on rows that are deleted: rows that go with them, and rows that would be left without their parent.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/writing.h"

namespace bfl::lower {

using program::Program;
using program::Step;
using program::TableRef;

namespace {

// Rows that a step deletes, by table: its own, and those that go with them.
class Gone {
 public:
  Gone(const Program& program, const Step& step) : program_(program), step_(step) {}

  // Tables whose rows go, up to the one before `cascade`; the step's own is the first.
  std::string rows(Writer& writer, std::size_t table, const std::vector<int>& columns) const {
    if (table == 0) return selected(writer, program_, step_, columns);
    const TableRef ref = step_.cascades[table - 1];
    std::vector<std::string> list;
    for (int column : columns) list.push_back(name(ref, column));
    return fmt::format("SELECT {} FROM {} WHERE {}", listed(list), qualified(program_.table(ref)), refers(writer, ref, table));
  }

  // Rows of `ref` that refer to rows of the first `tables` tables that go; empty when no foreign key can.
  std::string refers(Writer& writer, TableRef ref, std::size_t tables) const {
    std::string condition;
    for (std::size_t parent = 0; parent < tables; ++parent) {
      const TableRef to = parent == 0 ? step_.target : step_.cascades[parent - 1];
      for (const ForeignKey& key : program_.catalogues[static_cast<std::size_t>(ref.source)].foreign_keys) {
        if (key.table != program_.table(ref).name || key.parent != program_.table(to).name || ref == to) continue;
        std::vector<std::string> child;
        std::vector<int> columns;
        for (const std::string& column : key.columns) child.push_back(quote_identifier(column));
        for (const std::string& column : key.parent_columns) columns.push_back(program_.table(to).column_index(column));
        if (columns.size() != child.size() || std::find(columns.begin(), columns.end(), -1) != columns.end()) continue;
        condition += fmt::format("{}{} IN ({})", condition.empty() ? "" : " OR ", tuple(child), rows(writer, parent, columns));
      }
    }
    return condition;
  }

 private:
  std::string name(TableRef ref, int column) const { return quote_identifier(program_.table(ref).columns[static_cast<std::size_t>(column)].name); }

  const Program& program_;
  const Step& step_;
};

}  // namespace

namespace {

std::vector<std::string> names(const Table& table, const std::vector<int>& columns) {
  std::vector<std::string> list;
  for (int column : columns) list.push_back(quote_identifier(table.columns[static_cast<std::size_t>(column)].name));
  return list;
}

}  // namespace

std::vector<CascadeSet> cascading_rows(const Program& program, const Step& step, bool shipped_images) {
  std::vector<CascadeSet> all;
  const Gone gone(program, step);
  for (std::size_t i = step.cascades.size(); i-- > 0;) {  // the farthest first
    const Table& table = program.table(step.cascades[i]);
    const std::vector<int>& key = table.identity()->columns;
    CascadeSet set{.table = step.cascades[i],
                   .intent = {.key = key.size(), .image = table.columns.size(), .packed = shipped_images && !table.image.empty()},
                   .select = {}};
    const std::vector<std::string> order = names(table, key);
    std::vector<std::string> list = order;
    std::vector<Wire> wires;
    for (int column : key) wires.push_back(wire_of(table.columns[static_cast<std::size_t>(column)]));
    for (const Column& column : table.columns) list.push_back(quote_identifier(column.name)), wires.push_back(wire_of(column));
    if (set.intent.packed) list = {quote_identifier(table.image)}, wires = {wire_of(Type{Kind::bytes})};
    Writer select(program);
    const std::string which = gone.refers(select, step.cascades[i], i + 1);
    set.select = select.finish(fmt::format("SELECT {} FROM {} WHERE {} ORDER BY {}", listed(list), qualified(table), which, listed(order)), wires);
    all.push_back(std::move(set));
  }
  return all;
}

std::string unless_referred_to(const Catalogue& catalogue, const Table& table, std::string_view row, const std::function<std::string(const Table&)>& name) {
  std::string text;
  for (const ForeignKey& key : catalogue.foreign_keys) {
    if (key.parent != table.name || key.table == table.name || key.columns.size() != key.parent_columns.size()) continue;
    const auto child = std::find_if(catalogue.tables.begin(), catalogue.tables.end(), [&](const Table& at) { return at.name == key.table; });
    if (child == catalogue.tables.end()) continue;
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < key.columns.size(); ++i)
      parts.push_back(fmt::format("c.{} = {}.{}", quote_identifier(key.columns[i]), row, quote_identifier(key.parent_columns[i])));
    text += fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} AS c WHERE {})", name(*child), listed(parts, " AND "));
  }
  return text;
}

std::vector<Hand> cascading_hands(const Program& program, const Step& step) {
  std::vector<Hand> all;
  for (std::size_t i = step.cascades.size(); i-- > 0;) {
    const Table& table = program.table(step.cascades[i]);
    const std::vector<std::string> keys = names(table, table.identity()->columns);
    std::vector<std::string> columns;
    for (const Column& column : table.columns) columns.push_back(quote_identifier(column.name));
    const std::string by_key = tuple_equal(keys, parameters(1, keys.size()));
    Writer read(program), remove(program);
    const std::string kept = unless_referred_to(program.catalogues[static_cast<std::size_t>(step.target.source)], table, qualified(table), qualified);
    all.push_back({.remove = remove.finish(fmt::format("DELETE FROM {} WHERE {}{}", qualified(table), by_key, kept)),
                   .read = read.finish(fmt::format("SELECT {} FROM {} WHERE {}", listed(columns), qualified(table), by_key))});
  }
  return all;
}

std::vector<LeftBehind> left_behind(const Program& program, const Step& step) {
  std::vector<LeftBehind> all;
  if (step.kind != program::StepKind::remove) return all;
  const Gone gone(program, step);
  const auto& tables = program.catalogues[static_cast<std::size_t>(step.target.source)].tables;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const TableRef ref{step.target.source, static_cast<int>(i)};
    if (ref == step.target || !tables[i].kept.empty() || std::find(step.cascades.begin(), step.cascades.end(), ref) != step.cascades.end()) continue;
    Writer writer(program);
    const std::string which = gone.refers(writer, ref, step.cascades.size() + 1);
    if (!which.empty()) all.push_back({program.shown(ref), writer.finish(fmt::format("SELECT count(*) FROM {} WHERE {}", qualified(tables[i]), which))});
  }
  return all;
}

}  // namespace bfl::lower
