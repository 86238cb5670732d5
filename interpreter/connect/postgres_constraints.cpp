// What rows of one PostgreSQL database have to hold, put upon a copy of some of its tables.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/connect/postgres_scratch.h"

namespace bfl::connect::postgres {
namespace {

// Of the session that reads: names in definitions come with their schemas.
constexpr const char* far_sighted = "SET LOCAL search_path = pg_catalog";

// Checks of tables and of the domains of their columns, keys by expressions or of a part of the rows, exclusions; foreign keys are the last.
constexpr const char* constraints =
    "WITH RECURSIVE domains(oid, base) AS (SELECT oid, oid FROM pg_type WHERE typtype = 'd' UNION ALL SELECT d.oid, t.typbasetype FROM domains AS d JOIN pg_type AS t ON t.oid = d.base"
    "   WHERE t.typtype = 'd' AND t.typbasetype <> 0)"
    " SELECT n.nspname, c.relname, x.name, x.sql, coalesce(pn.nspname, ''), coalesce(p.relname, '') FROM ("
    "  SELECT conrelid AS relation, conname AS name, CASE contype WHEN 'f' THEN 2 ELSE 1 END AS turn, confrelid AS parent,"
    "   format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', '') || CASE WHEN contype = 'x' THEN '' ELSE ' NOT VALID' END) AS sql"
    "   FROM pg_constraint WHERE contype IN ('c', 'f', 'x') AND conrelid <> 0 AND conparentid = 0"
    "  UNION ALL SELECT a.attrelid, k.conname, 1, 0, format('ALTER TABLE %s ADD %s', a.attrelid::regclass, regexp_replace(regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''), '\\mVALUE\\M', quote_ident(a.attname), 'g'))"
    "   FROM pg_attribute AS a JOIN domains AS d ON d.oid = a.atttypid JOIN pg_constraint AS k ON k.contypid = d.base AND k.contype = 'c' WHERE a.attnum > 0 AND NOT a.attisdropped"
    "  UNION ALL SELECT indrelid, i.relname, 1, 0, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid"
    "   WHERE indisunique AND indisvalid AND (indpred IS NOT NULL OR indexprs IS NOT NULL)"
    " ) AS x JOIN pg_class AS c ON c.oid = x.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_class AS p ON p.oid = x.parent LEFT JOIN pg_namespace AS pn ON pn.oid = p.relnamespace"
    " ORDER BY x.turn, n.nspname, c.relname, x.name";

struct Constraint {
  std::string schema, relation, name, sql, parent_schema, parent;
};

}  // namespace

Result<std::vector<std::string>> constrain(Connector& source, const Catalogue& catalogue, Connector& target, const Copied& copied) {
  if (auto set = source.execute(far_sighted); !set) return set.error();
  std::vector<Constraint> all;
  const auto text = [](const RawValue& value) { return std::string(value.bytes); };
  auto read = each_row(source, constraints, [&](RawRow row) { all.push_back({text(row[0]), text(row[1]), text(row[2]), text(row[3]), text(row[4]), text(row[5])}); });
  if (!read) return read.error();
  const auto table = [&](const std::string& schema, const std::string& relation) {
    const auto found = std::find_if(catalogue.tables.begin(), catalogue.tables.end(), [&](const Table& one) { return one.kept.empty() && one.schema == schema && one.relation == relation; });
    return found == catalogue.tables.end() ? nullptr : &*found;
  };
  std::vector<std::string> left_out;
  for (const Constraint& one : all) {
    const Table *const of = table(one.schema, one.relation), *const parent = table(one.parent_schema, one.parent);
    if (!of || !copied.table(*of) || (!one.parent.empty() && (!parent || !copied.reference(*of, *parent)))) continue;
    if (auto marked = target.execute("SAVEPOINT bfl_constraint"); !marked) return marked.error();
    // What needs code of the database's own cannot be had here.
    if (!target.execute(one.sql)) {
      if (!target.in_transaction()) return Error{ErrorClass::transient, "the connection to the copy was lost"};
      if (auto back = target.execute("ROLLBACK TO SAVEPOINT bfl_constraint"); !back) return back.error();
      left_out.push_back(of->name + "." + one.name);
    }
    if (auto released = target.execute("RELEASE SAVEPOINT bfl_constraint"); !released) return released.error();
  }
  return left_out;
}

}  // namespace bfl::connect::postgres
