#include "interpreter/run/table_parts.h"

#include <fmt/format.h>

#include "interpreter/lower/sql.h"

namespace bfl::run {
namespace {

// {0}: the name of the table, as a text. The text of the table is compared without blanks: an ALTER TABLE may leave some.
constexpr const char* on_sqlite =
    "SELECT '', replace(replace(replace(sql, ' ', ''), char(10), ''), char(9), '') FROM main.sqlite_master WHERE name = {0} AND type IN ('table', 'view')"
    " UNION ALL SELECT 'column `' || name || '`', type || ' ' || \"notnull\" || ' ' || pk || ' ' || hidden || ' ' || coalesce(dflt_value, '') FROM pragma_table_xinfo({0})"
    " UNION ALL SELECT CASE type WHEN 'index' THEN 'unique index `' ELSE 'trigger `' END || name || '`', sql FROM main.sqlite_master"
    "  WHERE tbl_name = {0} COLLATE NOCASE AND (type = 'trigger' OR (type = 'index' AND sql LIKE 'CREATE UNIQUE%'))"
    " UNION ALL SELECT 'foreign key (' || columns || ') from `' || name || '`', keys FROM ("
    "  SELECT name, group_concat(\"from\", ', ') AS columns, group_concat(\"table\" || ' ' || coalesce(\"to\", '') || ' ' || on_update || ' ' || on_delete) AS keys FROM ("
    "   SELECT m.name, f.* FROM main.sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' AND (m.name = {0} OR f.\"table\" = {0} COLLATE NOCASE) ORDER BY m.name, f.id, f.seq)"
    "  GROUP BY name, id)";

// {0}: its place, as an expression of class regclass.
constexpr const char* on_postgres =
    "SELECT '', format('%s %s', c.oid, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END) FROM pg_class AS c WHERE c.oid = {0}"
    " UNION ALL SELECT 'row security', format('%s %s', c.relrowsecurity, c.relforcerowsecurity) FROM pg_class AS c WHERE c.oid = {0}"
    " UNION ALL SELECT format('column `%s`', a.attname), format('%s %s %s %s %s %s', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid))"
    "  FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = {0} AND a.attnum > 0 AND NOT a.attisdropped"
    " UNION ALL SELECT CASE WHEN n.conrelid = {0} THEN format('constraint `%s`', n.conname) ELSE format('foreign key `%s` from `%s`', n.conname, n.conrelid::regclass) END, pg_get_constraintdef(n.oid)"
    "  FROM pg_constraint AS n WHERE n.conrelid = {0} OR n.confrelid = {0}"
    " UNION ALL SELECT format('unique index `%s`', c.relname), pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
    "  WHERE i.indrelid = {0} AND i.indisunique AND NOT EXISTS (SELECT FROM pg_constraint AS n WHERE n.conindid = i.indexrelid AND n.conrelid = {0})"
    " UNION ALL SELECT format('trigger `%s`', t.tgname), format('%s %s', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger AS t WHERE t.tgrelid = {0} AND NOT t.tgisinternal"
    " UNION ALL SELECT format('rule `%s`', r.rulename), format('%s %s', r.ev_enabled, pg_get_ruledef(r.oid)) FROM pg_rewrite AS r WHERE r.ev_class = {0} AND r.rulename <> '_RETURN'"
    " UNION ALL SELECT format('policy `%s`', p.polname), format('%s %s %s %s %s', p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy AS p WHERE p.polrelid = {0}";

}  // namespace

Result<TableParts> parts_of(connect::Connector& source, const std::string& schema, const std::string& table) {
  const bool postgres = source.engine() == "postgres";
  const std::string place = (schema.empty() ? "" : lower::quote_identifier(schema) + ".") + lower::quote_identifier(table);
  auto select = source.prepare(fmt::format(fmt::runtime(postgres ? on_postgres : on_sqlite), postgres ? fmt::format("to_regclass({})", lower::quote_text(place)) : lower::quote_text(table)));
  if (!select) return select.error();
  TableParts parts;
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    parts[std::string(row[0].bytes)] += std::string(row[1].bytes) + "\n";
    return true;
  });
  if (!read) return read.error();
  return parts;
}

std::vector<std::string> differences(const std::string& table, const TableParts& then, const TableParts& now) {
  if (now.empty()) return {fmt::format("`{}` is gone", table)};
  std::vector<std::string> found;
  const auto say = [&](const std::string& part, const char* what) {
    if (!part.empty()) found.push_back(fmt::format("in `{}`, {} {}", table, part, what));
  };
  for (const auto& [part, text] : then) {
    const auto there = now.find(part);
    if (there == now.end()) say(part, "is gone");
    else if (there->second != text) say(part, "is another");
  }
  for (const auto& [part, text] : now)
    if (!then.contains(part)) say(part, "is new");
  const auto whole = then.find("");
  if (found.empty() && whole != then.end() && now.at("") != whole->second) found.push_back(fmt::format("`{}` was made anew, or its checks are others", table));
  return found;
}

}  // namespace bfl::run
