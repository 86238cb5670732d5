#include "interpreter/connect/derived.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/check/sensitive.h"
#include "interpreter/lower/sql.h"

namespace bfl::connect {
namespace {

// Either column may be empty: all of the relation's.
struct Derived {
  std::string relation, column, from, from_column;
};

Result<void> each(Connector& connector, const std::string& sql, const std::function<void(RawRow)>& row) {
  auto statement = connector.prepare(sql);
  if (!statement) return statement.error();
  return (*statement)->query_raw({}, [&](RawRow found) {
    row(found);
    return true;
  });
}

// A rule gives a view its rows; a computed column hangs on what it reads by itself or, since version 15, by its expression.
constexpr const char* in_postgres =
    "WITH named AS (SELECT c.oid, CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text ELSE n.nspname || '.' || c.relname END AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace),"
    " made AS (SELECT r.ev_class AS relation, 0 AS number, d.refobjid AS origin, d.refobjsubid AS place FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
    "   WHERE r.ev_type = '1' AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class"
    "  UNION SELECT a.attrelid, a.attnum, a.attrelid, d.refobjsubid FROM pg_attribute AS a JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum"
    "   JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = x.oid OR d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum"
    "   WHERE a.attgenerated <> '' AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid <> a.attnum)"
    " SELECT t.name, coalesce(a.attname::text, ''), o.name, coalesce(b.attname::text, '') FROM made AS m JOIN named AS t ON t.oid = m.relation JOIN named AS o ON o.oid = m.origin"
    " LEFT JOIN pg_attribute AS a ON a.attrelid = m.relation AND a.attnum = m.number AND m.number > 0 LEFT JOIN pg_attribute AS b ON b.attrelid = m.origin AND b.attnum = m.place AND m.place > 0";

Result<std::vector<Derived>> derived_in_postgres(Connector& connector) {
  std::vector<Derived> all;
  auto read = each(connector, in_postgres, [&](RawRow row) { all.push_back({std::string(row[0].bytes), std::string(row[1].bytes), std::string(row[2].bytes), std::string(row[3].bytes)}); });
  if (!read) return read.error();
  return all;
}

// A view's own program opens the tables that it reads, or indexes of theirs.
Result<std::vector<Derived>> derived_in_sqlite(Connector& connector, const Catalogue& catalogue) {
  std::vector<Derived> all;
  std::map<std::int64_t, std::string> tables;  // by the page where each of their trees begins
  auto read = each(connector, "SELECT rootpage, tbl_name FROM main.sqlite_schema WHERE rootpage > 0", [&](RawRow row) { tables[row[0].integer] = row[1].bytes; });
  for (const Table& table : catalogue.tables) {
    for (const Column& column : table.columns)
      if (column.generated) all.push_back({table.name, column.name, table.name, ""});
    if (!table.view || !read) continue;
    read = each(connector, fmt::format("EXPLAIN SELECT * FROM main.{}", lower::quote_identifier(table.name)), [&](RawRow row) {
      if (row[1].bytes != "OpenRead" || row[4].integer != 0) return;
      if (const auto found = tables.find(row[3].integer); found != tables.end()) all.push_back({table.name, "", found->second, ""});
    });
  }
  if (!read) return read.error();
  return all;
}

// A yes or no tells nothing.
bool mark(Table& table, const std::string& name) {
  bool marked = false;
  for (Column& column : table.columns) {
    if ((!name.empty() && column.name != name) || column.sensitive || column.type.kind == Kind::boolean) continue;
    column.sensitive = marked = true;
  }
  return marked;
}

bool is_marked(const Table& table, const std::string& name) {
  return std::any_of(table.columns.begin(), table.columns.end(), [&](const Column& column) { return column.sensitive && (name.empty() || column.name == name); });
}

}  // namespace

Result<void> mark_derived(Connector& connector, Catalogue& catalogue) {
  if (std::none_of(catalogue.tables.begin(), catalogue.tables.end(), [](const Table& table) { return is_marked(table, ""); })) return {};
  auto derived = catalogue.engine == "postgres" ? derived_in_postgres(connector) : catalogue.engine == "sqlite" ? derived_in_sqlite(connector, catalogue) : Result<std::vector<Derived>>(std::vector<Derived>());
  if (!derived) return derived.error();
  std::map<std::string, Table*> tables;
  for (Table& table : catalogue.tables) tables[table.name] = &table;
  for (bool more = true; more;) {
    check::mark_references(catalogue);
    more = false;
    for (const Derived& one : *derived) {
      const auto made = tables.find(one.relation), from = tables.find(one.from);
      if (made != tables.end() && from != tables.end() && is_marked(*from->second, one.from_column) && mark(*made->second, one.column)) more = true;
    }
  }
  return {};
}

}  // namespace bfl::connect
