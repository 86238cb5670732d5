#include "interpreter/ledger/kept_copies.h"

#include <algorithm>
#include <map>

#include "interpreter/lower/sql.h"
#include "interpreter/ledger/own_sql.h"

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

}  // namespace

Result<std::vector<KeptCopy>> kept_copies(connect::Connector& target, const Table& table, const Key& key) {
  std::vector<KeptCopy> found;
  const ::bfl::Key* identity = table.identity();
  auto all = relations(target);
  if (!all) return all.error();
  if (!identity || key.size() != identity->columns.size()) return found;
  const bool server = target.engine() == "postgres";
  for (const auto& [name, columns] : *all) {
    const auto has = [&](const std::string& column) { return std::find(columns.begin(), columns.end(), column) != columns.end(); };
    KeptCopy copy{(server ? "bfl." : "") + lower::quote_identifier(name)};
    std::string where;
    std::vector<std::string> typed;
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
      typed.push_back(number ? std::to_string(key[i].integer) : key[i].bytes);
      where += (i ? " AND " : "") + ("CAST(" + lower::quote_identifier(column) + " AS TEXT) = ") + (server ? "$" : "?") + std::to_string(i + 1);
      copy.condition += (i ? " AND " : "") + lower::quote_identifier(column) + " = " + (number ? typed.back() : lower::quote_text(typed.back()));
    }
    if (!copy.missing.empty()) {
      if (std::any_of(table.columns.begin(), table.columns.end(), [&](const Column& column) { return has(column.name); })) found.push_back(std::move(copy));
      continue;
    }
    auto count = target.prepare("SELECT count(*) FROM " + copy.relation + " WHERE " + where);
    if (!count) return count.error();
    std::vector<connect::RawValue> values;
    for (const std::string& value : typed) values.push_back(text(value));
    auto read = (*count)->query_raw(values, [&](RawRow row) {
      copy.rows = row[0].integer;
      return false;
    });
    if (!read) return read.error();
    if (copy.rows > 0) found.push_back(std::move(copy));
  }
  return found;
}

}  // namespace bfl::ledger
