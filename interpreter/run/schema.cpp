// Whether the tables of a step are still those that the program was checked against.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

// What the plan of a step hangs on, as text. What is told from stored rows (forms of dates) is left out: rows change.
std::string shape(const Catalogue& catalogue, const std::string& name) {
  for (const Table& table : catalogue.tables) {
    if (table.name != name) continue;
    std::string text = fmt::format("{} {} {} {}\n", table.name, table.view, table.virtual_table, table.without_rowid);
    for (const Column& column : table.columns)
      text += fmt::format("{} {} {} {}\n", column.name, column.declared, column.generated, column.binary_collation);
    for (const Key& key : table.keys) {
      text += fmt::format("key {} {} {}", key.primary, key.not_null, key.plain);
      for (const int column : key.columns) text += fmt::format(" {}", column);
      text += '\n';
    }
    for (const Trigger& trigger : table.triggers) text += fmt::format("{} {} {}\n", trigger.name, trigger.event, trigger.sql);
    for (const ForeignKey& key : catalogue.foreign_keys)
      if (key.table == name || key.parent == name)
        text += fmt::format("{} {} {} {}\n", key.table, key.parent, key.on_update, key.on_delete);
    return text;
  }
  return "gone";
}

const Table* named(const Catalogue& catalogue, const std::string& name) {
  const auto found = std::find_if(catalogue.tables.begin(), catalogue.tables.end(), [&](const Table& table) { return table.name == name; });
  return found == catalogue.tables.end() ? nullptr : &*found;
}

// Column by column, a line each; else what beside columns it may be.
std::string difference(const Catalogue& then, const Catalogue& now, const std::string& name) {
  const Table *before = named(then, name), *after = named(now, name);
  if (!before || !after) return after ? "the table is new" : "the table is gone";
  std::string lines;
  const auto line = [&lines](std::string text) { lines += (lines.empty() ? "" : "\n") + std::move(text); };
  const auto said = [](const Column& column) {
    return fmt::format("{}{}{}", column.declared.empty() ? "without a type" : column.declared, column.type.nullable ? "" : " not null", column.generated ? ", generated" : "");
  };
  for (const Column& column : before->columns) {
    const int at = after->column_index(column.name);
    if (at < 0) line(fmt::format("- `{}` {}", column.name, said(column)));
    else if (const Column& other = after->columns[static_cast<std::size_t>(at)]; said(column) != said(other)) line(fmt::format("~ `{}` {}, was {}", column.name, said(other), said(column)));
  }
  for (const Column& column : after->columns)
    if (before->column_index(column.name) < 0) line(fmt::format("+ `{}` {}", column.name, said(column)));
  return lines.empty() ? "its columns are as they were: a key, a trigger, a reference or the order of its columns has changed" : lines;
}

}  // namespace

Result<void> same_schema(Context& context, const program::Step& step, connect::Connector& target) {
  const auto source = static_cast<std::size_t>(step.target.source);
  auto version = target.schema_version();
  if (!version) return version.error();
  std::lock_guard lock(context.shared);
  if (*version == context.schema_versions[source] || (&step == context.schema_of && *version == context.schema_seen)) return {};
  auto now = target.catalogue();
  if (!now) return now.error();
  const Catalogue& then = context.program.catalogues[source];
  // Nothing that the program was checked against has changed (bfl has made its own tables, say): that goes for every step.
  const bool all = std::all_of(then.tables.begin(), then.tables.end(), [&](const Table& table) { return !table.kept.empty() || shape(then, table.name) == shape(*now, table.name); });
  if (all) {
    context.schema_versions[source] = *version;
    return {};
  }
  std::set<int> tables{step.target.table};
  for (const program::ColumnUse& use : step.reads)
    if (use.table.source == static_cast<int>(source)) tables.insert(use.table.table);
  for (const int index : tables) {
    if (!then.tables[static_cast<std::size_t>(index)].kept.empty()) continue;  // bfl's own
    const std::string& name = then.tables[static_cast<std::size_t>(index)].name;
    if (shape(then, name) != shape(*now, name))
      return Error{ErrorClass::stale_schema,
                   fmt::format("the schema of `{}` changed under the run", name),
                   difference(then, *now, name),
                   "run the job again: it is checked against the new schema, and goes on"};
  }
  // Changed elsewhere, which is no matter for this step: a table that it does not touch.
  context.schema_of = &step;
  context.schema_seen = *version;
  return {};
}

}  // namespace bfl::run
