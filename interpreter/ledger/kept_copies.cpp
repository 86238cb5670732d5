#include "interpreter/ledger/kept_copies.h"

#include <algorithm>
#include <map>

#include "interpreter/check/kept_name.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/lower/sql.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/registry.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

using Relations = std::map<std::string, std::vector<std::string>>;  // columns, by name

Result<Relations> relations(connect::Connector& target) {
  const bool server = target.engine() == "postgres";
  auto listed = target.prepare(server ? "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                                        " WHERE n.nspname = 'bfl' AND c.relkind = 'r' AND c.relname LIKE 'bfl\\_kept\\_%' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum"
                                      : "SELECT s.name, c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.type = 'table' AND s.name LIKE 'bfl\\_kept\\_%' ESCAPE '\\' ORDER BY 1, c.cid");
  if (!listed) return listed.error();
  Relations all;
  auto read = (*listed)->query_raw({}, [&](RawRow row) {
    all[std::string(row[0].bytes)].emplace_back(row[1].bytes);
    return true;
  });
  if (!read) return read.error();
  return all;
}

// By the names under which the steps in the ledger would keep what they do.
Result<std::map<std::string, std::string>> jobs_by_relation(connect::Connector& target) {
  std::map<std::string, std::string> all;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return all;
  auto read = OwnSql(target).query("SELECT DISTINCT job, name FROM bfl_step WHERE name <> ''", {}, [&](RawRow row) {
    const std::string job(row[0].bytes), step(row[1].bytes);
    all[check::kept_name(job, step)] = job;
    for (const std::string_view effect : check::effect_names) all[check::kept_name(job, step + "." + std::string(effect))] = job;
    return true;
  });
  if (!read) return read.error();
  return all;
}

std::vector<connect::RawValue> bound(const KeptCopy& copy) {
  std::vector<connect::RawValue> values;
  for (const std::string& value : copy.values) values.push_back(text(value));
  return values;
}

}  // namespace

Result<std::vector<KeptCopy>> kept_copies(connect::Connector& target, const Table& table, const Key& key, const std::vector<std::string>& columns_asked) {
  std::vector<KeptCopy> found;
  const ::bfl::Key* identity = table.identity();
  auto all = relations(target);
  if (!all) return all.error();
  if (!identity || key.size() != identity->columns.size() || all->empty()) return found;
  auto keepers = jobs_by_relation(target);
  if (!keepers) return keepers.error();
  const bool server = target.engine() == "postgres";
  for (const auto& [name, columns] : *all) {
    const auto has = [&](const std::string& column) { return std::find(columns.begin(), columns.end(), column) != columns.end(); };
    KeptCopy copy{(server ? "bfl." : "") + lower::quote_identifier(name)};
    copy.named = std::any_of(columns_asked.begin(), columns_asked.end(), has);
    const bool of_table_alone = std::all_of(columns.begin(), columns.end(), [&](const std::string& column) { return table.column_index(column) >= 0; });
    if (!columns_asked.empty() && !copy.named && of_table_alone) continue;
    if (const auto keeper = keepers->find(name); keeper != keepers->end()) {
      copy.job = keeper->second;
      auto over = is_over(target, copy.job);
      if (!over) return over.error();
      copy.in_use = !*over;
    }
    for (std::size_t i = 0; i < key.size(); ++i) {
      const std::string& column = table.columns[static_cast<std::size_t>(identity->columns[i])].name;
      // Other values have several forms as text.
      const Kind kind = table.columns[static_cast<std::size_t>(identity->columns[i])].type.kind;
      copy.untold = has(column) && kind != Kind::integer && kind != Kind::text && !(kind == Kind::uuid && key[i].bytes.size() == 36);
      if (!has(column) || copy.untold) {
        copy.missing = column;
        break;
      }
      const bool number = key[i].kind == connect::RawValue::Class::integer;
      copy.values.push_back(number ? std::to_string(key[i].integer) : key[i].bytes);
      copy.where += (i ? " AND " : "") + ("CAST(" + lower::quote_identifier(column) + " AS TEXT) = ") + (server ? "$" : "?") + std::to_string(i + 1);
      copy.condition += (i ? " AND " : "") + lower::quote_identifier(column) + " = " + (number ? copy.values.back() : lower::quote_text(copy.values.back()));
    }
    if (!copy.missing.empty()) {
      if (std::any_of(table.columns.begin(), table.columns.end(), [&](const Column& column) { return has(column.name); })) found.push_back(std::move(copy));
      continue;
    }
    auto count = target.prepare("SELECT count(*) FROM " + copy.relation + " WHERE " + copy.where);
    if (!count) return count.error();
    auto read = (*count)->query_raw(bound(copy), [&](RawRow row) {
      copy.rows = row[0].integer;
      return false;
    });
    if (!read) return read.error();
    if (copy.rows > 0) found.push_back(std::move(copy));
  }
  return found;
}

Result<std::optional<std::int64_t>> take_out(connect::Connector& target, const KeptCopy& copy) {
  if (auto marked = target.execute("SAVEPOINT bfl_kept"); !marked) return marked.error();
  auto statement = target.prepare("DELETE FROM " + copy.relation + " WHERE " + copy.where);
  auto gone = statement ? (*statement)->run_raw(bound(copy)) : Result<std::int64_t>{statement.error()};
  const bool refused = !gone && (gone.error().kind == ErrorClass::permission || gone.error().kind == ErrorClass::data);
  if (!gone && !refused) return gone.error();
  if (auto back = target.execute(refused ? "ROLLBACK TO SAVEPOINT bfl_kept;RELEASE SAVEPOINT bfl_kept" : "RELEASE SAVEPOINT bfl_kept"); !back) return back.error();
  return refused ? std::optional<std::int64_t>() : std::optional(*gone);
}

}  // namespace bfl::ledger
