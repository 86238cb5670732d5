// The tables of one PostgreSQL database made in another one, from what its catalogue says.
//
// What needs a function or a type of the user's own is left out, so that none of the user's code runs: a default or a computed
// column that calls one is gone (the column stays), a type that is neither the server's, an enum, nor an extension's is text, a
// domain is the type behind it. Foreign keys, checks, triggers and further indexes are left out.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "interpreter/connect/postgres_scratch.h"

namespace bfl::connect::postgres {
namespace {

using lower::quote_identifier;
using lower::quote_text;

// Of the session that reads: names of types and in expressions come with their schemas.
constexpr const char* far_sighted = "SET LOCAL search_path = pg_catalog";

constexpr const char* extensions_in_use =
    "SELECT DISTINCT e.extname, n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace"
    " JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' WHERE e.extname <> 'plpgsql' AND ("
    "  d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid WHERE d.objid IN (t.oid, t.typelem, t.typbasetype) AND a.attrelid >= 16384)"
    "  OR d.classid = 'pg_proc'::regclass AND EXISTS (SELECT FROM pg_depend AS u WHERE u.classid = 'pg_attrdef'::regclass AND u.refclassid = 'pg_proc'::regclass AND u.refobjid = d.objid))"
    " ORDER BY 1";

constexpr const char* enums =
    "SELECT n.nspname, t.typname, (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid)"
    " FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE t.typtype = 'e' AND t.oid >= 16384"
    "  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e') ORDER BY 1, 2";

// {0}: the extensions that the other database has, as a list of texts.
constexpr const char* columns =
    "WITH RECURSIVE domains(oid, base, modifier, not_null) AS ("
    "  SELECT oid, typbasetype, typtypmod, typnotnull FROM pg_type WHERE typtype = 'd'"
    "  UNION ALL SELECT d.oid, t.typbasetype, CASE WHEN d.modifier = -1 THEN t.typtypmod ELSE d.modifier END, d.not_null OR t.typnotnull FROM domains AS d JOIN pg_type AS t ON t.oid = d.base"
    "   WHERE t.typtype = 'd'),"
    " whose(classid, objid, name) AS (SELECT d.classid, d.objid, e.extname FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')"
    " SELECT n.nspname, c.relname, a.attname,"
    "  CASE WHEN e.typtype = 'e' OR en.nspname = 'pg_catalog' OR EXISTS (SELECT FROM whose AS w WHERE w.classid = 'pg_type'::regclass AND w.objid = e.oid AND w.name IN ({0}))"
    "   THEN format_type(b.oid, CASE WHEN d.oid IS NULL THEN a.atttypmod ELSE d.modifier END) ELSE 'text' END,"
    "  (a.attnotnull OR coalesce(d.not_null, false))::int, a.attidentity::text, a.attgenerated::text, coalesce(pg_get_expr(x.adbin, x.adrelid), ''),"
    "  (x.oid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_depend AS u WHERE u.classid = 'pg_attrdef'::regclass AND u.objid = x.oid AND u.refobjid >= 16384 AND ("
    "    u.refclassid = 'pg_class'::regclass AND u.refobjid <> c.oid OR u.refclassid = 'pg_proc'::regclass AND NOT EXISTS (SELECT FROM whose AS w WHERE w.classid = u.refclassid AND w.objid = u.refobjid"
    "     AND w.name IN ({0})))))::int,"
    "  CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation AND cn.nspname = 'pg_catalog' THEN quote_ident(co.collname) ELSE '' END,"
    "  (b.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))::int"
    " FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_type AS t ON t.oid = a.atttypid"
    " LEFT JOIN domains AS d ON d.oid = t.oid AND d.base NOT IN (SELECT oid FROM pg_type WHERE typtype = 'd')"
    " JOIN pg_type AS b ON b.oid = coalesce(d.base, t.oid) JOIN pg_type AS e ON e.oid = CASE WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN b.typelem ELSE b.oid END"
    " JOIN pg_namespace AS en ON en.oid = e.typnamespace LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum"
    " LEFT JOIN pg_collation AS co ON co.oid = a.attcollation LEFT JOIN pg_namespace AS cn ON cn.oid = co.collnamespace"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY a.attrelid, a.attnum";

std::string text(const RawValue& value) { return std::string(value.bytes); }

class Definition {
 public:
  Definition(Connector* source, const Catalogue& catalogue, Connector& target, const std::string& mark) : source_(source), catalogue_(catalogue), target_(target), mark_(mark) {}

  Result<void> make() {
    for (const auto part : source_ ? std::vector{&Definition::schemas, &Definition::extensions, &Definition::read} : std::vector{&Definition::schemas, &Definition::take_catalogue})
      if (auto done = (this->*part)(); !done) return done;
    std::string all;
    for (const std::string& statement : types_) all += statement + ";";
    for (const Table& table : catalogue_.tables)
      if (table.kept.empty()) all += definition(table);
    return target_.execute(all);
  }

 private:
  std::string comment(std::string_view kind, const std::string& name) const { return mark_.empty() ? "" : fmt::format("COMMENT ON {} {} IS {};", kind, name, quote_text(mark_)); }

  Result<void> schema(const std::string& name) {
    if (!made_.insert(name).second) return {};
    auto known = target_.prepare(fmt::format("SELECT 1 FROM pg_namespace WHERE nspname = {}", quote_text(name)));
    if (!known) return known.error();
    bool there = false;
    if (auto read = (*known)->query_raw({}, [&](RawRow) { return !(there = true); }); !read) return read;
    return there ? Result<void>{} : target_.execute(fmt::format("CREATE SCHEMA {0};{1}", quote_identifier(name), comment("SCHEMA", quote_identifier(name))));
  }

  // bfl's own as well: what is marked goes with the test.
  Result<void> schemas() {
    if (!mark_.empty())
      if (auto made = schema("bfl"); !made) return made;
    for (const Table& table : catalogue_.tables)
      if (table.kept.empty())
        if (auto made = schema(table.schema); !made) return made;
    return {};
  }

  // What cannot be had is done without.
  Result<void> extensions() {
    std::vector<std::pair<std::string, std::string>> wanted;
    auto listed = each_row(*source_, extensions_in_use, [&](RawRow row) { wanted.emplace_back(text(row[0]), text(row[1])); });
    if (!listed) return listed;
    for (const auto& [name, in] : wanted) {
      if (!mark_.empty()) break;
      if (auto made = schema(in); !made) return made;
      (void)target_.execute(fmt::format("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}", quote_identifier(name), quote_identifier(in)));
    }
    return each_row(target_, "SELECT extname FROM pg_extension", [&](RawRow row) { extensions_ += ", " + quote_text(row[0].bytes); });
  }

  Result<void> read() {
    if (auto begun = source_->begin_read(); !begun) return begun;
    Result<void> done = source_->execute(far_sighted);
    std::vector<std::string> places;
    if (done)
      done = each_row(*source_, enums, [&](RawRow row) {
        const std::string name = quote_identifier(row[0].bytes) + "." + quote_identifier(row[1].bytes);
        places.push_back(text(row[0]));
        types_.push_back(fmt::format("CREATE TYPE {} AS ENUM ({})", name, row[2].bytes));
        if (!mark_.empty()) types_.push_back(fmt::format("COMMENT ON TYPE {} IS {}", name, quote_text(mark_)));
      });
    if (done) done = each_row(*source_, fmt::format(fmt::runtime(columns), extensions_.substr(2)), [&](RawRow row) { column(row); });
    source_->rollback();
    for (const std::string& place : places)
      if (done) done = schema(place);
    return done;
  }

  // Types of the server's own are written as they are declared, domains as what they are over, all else as text.
  Result<void> take_catalogue() {
    constexpr std::string_view own[] = {"smallint", "integer", "bigint", "boolean", "numeric", "real", "double precision", "text", "character", "name", "bytea", "date", "timestamp", "time",
                                        "uuid", "json", "interval", "bit", "inet", "cidr", "macaddr", "money", "xml", "point", "tsvector", "tsquery"};
    for (const Table& table : catalogue_.tables)
      for (const Column& column : table.columns) {
        if (!table.kept.empty()) break;
        const bool declared = std::any_of(std::begin(own), std::end(own), [&](std::string_view type) { return column.declared.starts_with(type); });
        const bool users = column.base.empty() || column.base == "enum" || column.base == "other" || column.base.starts_with('_');
        std::string made = fmt::format("{} {}", quote_identifier(column.name), declared ? column.declared : users ? "text" : column.base);
        if (!column.type.nullable) made += " NOT NULL";
        if (column.identity || (column.has_default && (column.base == "int2" || column.base == "int4" || column.base == "int8")))
          made += fmt::format(" GENERATED {} AS IDENTITY", column.identity ? "ALWAYS" : "BY DEFAULT");
        columns_[{table.schema, table.relation}].push_back(std::move(made));
      }
    return {};
  }

  void column(RawRow row) {
    const std::string identity = text(row[5]), expression = text(row[7]);
    const bool plain = row[8].integer != 0, numbered = row[10].integer != 0 && (!identity.empty() || expression.starts_with("nextval("));
    std::string made = fmt::format("{} {}", quote_identifier(row[2].bytes), row[3].bytes);
    if (!row[9].bytes.empty()) made += " COLLATE " + text(row[9]);
    if (row[4].integer != 0) made += " NOT NULL";
    if (numbered) made += fmt::format(" GENERATED {} AS IDENTITY", identity == "a" ? "ALWAYS" : "BY DEFAULT");
    else if (plain && row[6].bytes == "s") made += fmt::format(" GENERATED ALWAYS AS ({}) STORED", expression);
    else if (plain && row[6].bytes.empty()) made += " DEFAULT " + expression;
    columns_[{text(row[0]), text(row[1])}].push_back(std::move(made));
  }

  std::string definition(const Table& table) const {
    const auto found = columns_.find({table.schema, table.relation});
    if (found == columns_.end()) return {};
    const std::string name = quote_identifier(table.schema) + "." + quote_identifier(table.relation);
    std::string made = fmt::format("CREATE TABLE {} (", name);
    for (std::size_t i = 0; i < found->second.size(); ++i) made += (i ? ", " : "") + found->second[i];
    for (const Key& key : table.keys) {
      if (!key.plain) continue;
      if (!key.primary) made += ", CONSTRAINT " + quote_identifier(key.name);
      made += key.primary ? ", PRIMARY KEY (" : " UNIQUE (";
      for (std::size_t i = 0; i < key.columns.size(); ++i) made += (i ? ", " : "") + quote_identifier(table.columns[static_cast<std::size_t>(key.columns[i])].name);
      made += ")";
    }
    return made + ");" + comment("TABLE", name);
  }

  Connector* source_;  // null: there is the catalogue alone
  const Catalogue& catalogue_;
  Connector& target_;
  const std::string mark_;
  std::string extensions_;
  std::set<std::string> made_;
  std::vector<std::string> types_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> columns_;  // by schema and table
};

}  // namespace

Result<void> define_tables(Connector* source, const Catalogue& catalogue, Connector& target, const std::string& mark) { return Definition(source, catalogue, target, mark).make(); }

Result<void> number_on(Connector& target) {
  return target.execute(
      "DO $bfl$ DECLARE x record; BEGIN FOR x IN SELECT format('%I.%I', n.nspname, c.relname) AS t, a.attname AS c FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
      " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE a.attidentity <> '' AND a.attnum > 0 AND c.relkind = 'r' LOOP"
      " EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), greatest(max(%I), 1)) FROM %s HAVING max(%I) IS NOT NULL', x.t, x.c, x.c, x.t, x.c); END LOOP; END $bfl$");
}

}  // namespace bfl::connect::postgres
