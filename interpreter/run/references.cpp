#include "interpreter/run/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

using connect::RawValue;
using ledger::Record;

// What the row holds after the change; nothing: it is not known, or is a default.
std::optional<RawValue> after(const Record& record, std::size_t keys, std::size_t sets, int column) {
  for (std::size_t i = 0; i < std::min(record.after.size(), sets); ++i)
    if (record.after[i].first == column) return record.after[i].second.view();
  const std::size_t at = keys + static_cast<std::size_t>(column);
  return at < record.before.size() ? std::optional(record.before[at].view()) : std::nullopt;
}

std::optional<RawValue> before(const Record& record, std::size_t keys, int column) {
  const std::size_t at = keys + static_cast<std::size_t>(column);
  return at < record.before.size() ? std::optional(record.before[at].view()) : std::nullopt;
}

}  // namespace

References::References(const program::Program& program, const program::Step& step, connect::Connector& source, const std::vector<Reference>& references) : source_(source), step_(step) {
  const Table& own = program.table(step.target);
  const auto& tables = program.catalogues[static_cast<std::size_t>(step.target.source)].tables;
  for (const Reference& reference : references) {
    const ForeignKey& key = reference.key;
    Asked& asked = all_.emplace_back(Asked{reference});
    const std::string& other_name = reference.refers ? key.parent : key.table;
    const auto& other = *std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.name == other_name && table.kept.empty(); });
    const auto &mine = reference.refers ? key.columns : key.parent_columns, &theirs = reference.refers ? key.parent_columns : key.columns;
    std::string where, columns;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      asked.columns.push_back(own.column_index(mine[i]));
      if (key.table == key.parent) asked.own_parents.push_back(own.column_index(theirs[i]));
      // The value is one of this table's column, whatever the other one could hold.
      const Column &my = own.columns[static_cast<std::size_t>(asked.columns.back())], &their = other.columns[static_cast<std::size_t>(other.column_index(theirs[i]))];
      const std::string cast = is_postgres(source) && my.declared != their.declared ? "::" + my.declared : std::string();
      where += fmt::format("{}{} = {}{}{}", where.empty() ? "" : " AND ", lower::quote_identifier(theirs[i]), is_postgres(source) ? '$' : '?', i + 1, cast);
      asked.any.parameters.push_back(lower::wire_of(my));
      columns += (columns.empty() ? "" : ", ") + key.columns[i];
    }
    asked.any.text = fmt::format("SELECT 1 FROM {} WHERE {} LIMIT 1", name_of(other, source), where);
    asked.any.columns = {lower::wire_of(Type{Kind::integer})};
    const std::string name = reference.name.empty() ? std::string() : fmt::format(" (foreign key {})", reference.name);
    asked.says = reference.refers ? fmt::format("`{}.{}` refers to no row of `{}`{}", key.table, columns, key.parent, name) : fmt::format("rows of `{}` refer to it by `{}`{}", key.table, columns, name);
    itself_ = itself_ || key.table == key.parent;
  }
}

Result<std::vector<std::string>> References::broken(std::span<const Record> rows, std::size_t keys) {
  std::vector<std::string> broken(rows.size());
  for (Asked& asked : all_)
    if (auto done = ask(asked, rows, keys, broken); !done) return done.error();
  return broken;
}

Result<void> References::ask(Asked& asked, std::span<const Record> rows, std::size_t keys, std::vector<std::string>& broken) {
  std::vector<connect::Prepared::Parameters> sets;
  std::vector<std::size_t> of;  // the row of each set
  const std::size_t assigned = step_.assignments.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool there = rows[i].before.size() > keys, goes = there && rows[i].after.empty();
    if (!broken[i].empty() || (asked.reference.refers ? goes : !there)) continue;
    connect::Prepared::Parameters set;
    // SQLite asks of each row whose column is set, PostgreSQL of those in which the value becomes another.
    bool same = !asked.reference.refers || is_postgres(source_), whole = true, own = !asked.own_parents.empty();
    for (std::size_t c = 0; c < asked.columns.size(); ++c) {
      const auto was = before(rows[i], keys, asked.columns[c]), becomes = goes ? std::nullopt : after(rows[i], keys, assigned, asked.columns[c]);
      const auto& value = asked.reference.refers ? becomes : was;
      same = same && was && becomes && ledger::same(*was, *becomes);
      whole = whole && value && value->kind != RawValue::Class::null;
      if (!whole) break;
      if (own) {
        const auto parent = after(rows[i], keys, assigned, asked.own_parents[c]);
        own = parent && ledger::same(*parent, *value);
      }
      set.push_back(*value);
    }
    if (!whole || same || own) continue;
    sets.push_back(std::move(set));
    of.push_back(i);
  }
  if (sets.empty()) return {};
  if (!asked.prepared) {
    auto prepared = source_.prepare(asked.any, {});
    if (!prepared) return prepared.error();
    asked.prepared = std::move(*prepared);
  }
  std::vector<bool> found(sets.size());
  auto read = asked.prepared->query_each(sets, [&](std::size_t set, connect::RawRow) { found[set] = true; });
  if (!read) return read;
  for (std::size_t set = 0; set < sets.size(); ++set)
    if (found[set] != asked.reference.refers) broken[of[set]] = asked.says;
  return {};
}

}  // namespace bfl::run
