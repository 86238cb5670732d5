// The catalogue of a PostgreSQL database: tables that the search path shows by their names, those of other schemas as
// `schema.table`.
#include <fmt/format.h>

#include <map>

#include "interpreter/connect/held_read.h"
#include "interpreter/connect/postgres_connection.h"

namespace bfl::connect::postgres {
namespace {

// Relations that are a user's: neither the server's nor bfl's own.
constexpr std::string_view users =
    "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'bfl') AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE "
    "'pg\\_toast\\_%'";

std::string text(const RawValue& value) { return std::string(value.bytes); }
bool truth(const RawValue& value) { return value.integer != 0; }

struct Kinds { std::string_view base; Kind kind; Storage storage; };
constexpr Kinds kinds[] = {
    {"int2", Kind::integer, Storage::native},       {"int4", Kind::integer, Storage::native},
    {"int8", Kind::integer, Storage::native},       {"bool", Kind::boolean, Storage::boolean_integer},
    {"numeric", Kind::decimal, Storage::decimal_text}, {"float4", Kind::floating, Storage::native},
    {"float8", Kind::floating, Storage::native},    {"text", Kind::text, Storage::native},
    {"varchar", Kind::text, Storage::native},       {"bpchar", Kind::text, Storage::native},
    {"name", Kind::text, Storage::native},          {"enum", Kind::text, Storage::native},
    {"bytea", Kind::bytes, Storage::native},        {"date", Kind::date, Storage::native},
    {"timestamp", Kind::timestamp, Storage::native}, {"timestamptz", Kind::timestamp, Storage::native},
    {"uuid", Kind::uuid, Storage::uuid_text},       {"json", Kind::json, Storage::json_text},
    {"jsonb", Kind::json, Storage::json_text},
};

// numeric(p,s): the modifier as the server packs it.
int scale_of(std::int64_t modifier) {
  if (modifier < 4) return -1;
  const auto scale = static_cast<int>(((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  return scale < 0 ? 0 : scale;
}

}  // namespace

void give_type(Column& column, const std::string& base, std::int64_t modifier) {
  column.base = base;
  column.storage = Storage::unknown;
  column.type.kind = Kind::text;
  const bool array = base.starts_with('_');
  for (const Kinds& known : kinds)
    if (known.base == (array ? std::string_view(base).substr(1) : std::string_view(base))) {
      column.type.kind = known.kind;
      column.storage = known.storage;
    }
  if (array && column.storage != Storage::unknown) {
    const bool nullable = column.type.nullable;
    column.type = array_of(Type{column.type.kind, true}).with_null(nullable);
    column.storage = Storage::native;
  }
  if (base == "numeric") column.scale = scale_of(modifier);
  if (base == "bpchar") column.padded = modifier < 4 ? 0 : static_cast<int>(modifier - 4);
}

namespace {

std::string action(char code) {
  switch (code) {
    case 'c': return "CASCADE";
    case 'n': return "SET NULL";
    case 'd': return "SET DEFAULT";
    case 'r': return "RESTRICT";
    default: return "NO ACTION";
  }
}

struct Reading {
  Connection& connection;
  Catalogue catalogue{};
  std::map<std::int64_t, std::size_t> places{};                      // oid -> table
  std::map<std::pair<std::int64_t, std::int64_t>, int> columns{};    // oid, number -> column

  Table* table(std::int64_t oid) {
    const auto found = places.find(oid);
    return found == places.end() ? nullptr : &catalogue.tables[found->second];
  }

  Result<void> tables() {
    return connection.rows(
        fmt::format("SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.reltuples::bigint, pg_table_is_visible(c.oid),"
                    " c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)"
                    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {}"
                    " AND has_schema_privilege(n.oid, 'USAGE') ORDER BY n.nspname, c.relname",
                    users),
        {}, [&](RawRow row) {
          Table made;
          made.schema = text(row[1]);
          made.name = truth(row[5]) ? text(row[2]) : text(row[1]) + "." + text(row[2]);
          made.relation = text(row[2]);
          const char kind = row[3].bytes.at(0);
          made.view = kind == 'v' || kind == 'm';
          made.virtual_table = kind == 'f';
          made.inherited = truth(row[6]);
          made.partitioned = kind == 'p';
          if (row[4].integer >= 0) made.estimated_rows = row[4].integer;
          places[row[0].integer] = catalogue.tables.size();
          catalogue.tables.push_back(std::move(made));
          return true;
        });
  }

  Result<void> read_columns() {
    return connection.rows(
        fmt::format(
            "WITH RECURSIVE d(oid, base, modifier, not_null) AS ("
            "  SELECT t.oid, t.typbasetype, t.typtypmod, t.typnotnull FROM pg_type t WHERE t.typtype = 'd'"
            "  UNION ALL SELECT d.oid, t.typbasetype, CASE WHEN d.modifier = -1 THEN t.typtypmod ELSE d.modifier END, d.not_null OR t.typnotnull"
            "  FROM d JOIN pg_type t ON t.oid = d.base WHERE t.typtype = 'd')"
            " SELECT a.attrelid, a.attnum::bigint, a.attname, format_type(a.atttypid, a.atttypmod),"
            "  CASE WHEN b.typtype = 'e' THEN 'enum' WHEN bn.nspname = 'pg_catalog' THEN b.typname::text ELSE 'other' END,"
            "  CASE WHEN d.oid IS NULL THEN a.atttypmod ELSE d.modifier END::bigint,"
            "  a.attnotnull OR coalesce(d.not_null, false), a.attgenerated <> '', a.atthasdef OR a.attidentity <> '',"
            "  coalesce(co.collname IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8') OR (co.collname = 'default' AND "
            "   (SELECT datcollate FROM pg_database WHERE datname = current_database()) IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8')), true),"
            "  coalesce(co.collisdeterministic, true), has_column_privilege(a.attrelid, a.attnum, 'UPDATE'),"
            "  CASE WHEN a.attcollation = 0 THEN '' WHEN co.collname = 'default' THEN '' ELSE quote_ident(cn.nspname) || '.' || "
            "quote_ident(co.collname) END, a.attidentity = 'a'"
            " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_type t ON t.oid = a.atttypid"
            " LEFT JOIN d ON d.oid = t.oid AND d.base NOT IN (SELECT oid FROM pg_type WHERE typtype = 'd')"
            " JOIN pg_type b ON b.oid = coalesce(d.base, t.oid) JOIN pg_namespace bn ON bn.oid = b.typnamespace"
            " LEFT JOIN pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace"
            " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {} ORDER BY a.attrelid, a.attnum",
            users),
        {}, [&](RawRow row) {
          Table* of = table(row[0].integer);
          if (!of) return true;
          Column column;
          column.name = text(row[2]);
          column.declared = text(row[3]);
          give_type(column, text(row[4]), row[5].integer);
          column.type.nullable = !truth(row[6]);
          column.generated = truth(row[7]);
          column.has_default = truth(row[8]);
          const bool text_like = column.type.kind == Kind::text && column.base != "enum";
          // What is walked must sort as its bytes do: enums sort by their place in the list, numerics by value.
          column.binary_collation = text_like ? truth(row[9]) : column.base != "enum" && column.base != "numeric";
          if (!truth(row[10])) column.storage = Storage::unknown;  // equal without being the same
          column.writable = truth(row[11]);
          column.collation = text(row[12]);
          column.identity = truth(row[13]);
          columns[{row[0].integer, row[1].integer}] = static_cast<int>(of->columns.size());
          of->columns.push_back(std::move(column));
          return true;
        });
  }

  Result<void> read_indexes() {
    return connection.rows(
        fmt::format(
            "SELECT i.indrelid, ic.relname, i.indisunique AND i.indimmediate, i.indisprimary,"
            "  i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid, i.indnkeyatts::bigint, array_to_string(i.indkey, ' ')"
            " FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {} ORDER BY i.indrelid, i.indisprimary DESC, ic.relname",
            users),
        {}, [&](RawRow row) {
          Table* of = table(row[0].integer);
          if (!of) return true;
          bool plain = truth(row[4]) && !of->inherited;
          std::vector<int> list;
          std::string_view numbers = row[6].bytes;
          for (std::int64_t i = 0; i < row[5].integer && !numbers.empty(); ++i) {
            const auto space = std::min(numbers.find(' '), numbers.size());
            const auto found = columns.find({row[0].integer, std::stoll(std::string(numbers.substr(0, space)))});
            numbers.remove_prefix(std::min(space + 1, numbers.size()));
            if (found == columns.end()) {
              plain = false;
              break;
            }
            list.push_back(found->second);
          }
          if (plain) of->indexes.push_back(list);
          if (!truth(row[2])) return true;
          bool not_null = true;
          for (const int column : list) not_null = not_null && !of->columns[static_cast<std::size_t>(column)].type.nullable;
          of->keys.push_back({.name = truth(row[3]) ? "primary key" : text(row[1]), .columns = list, .primary = truth(row[3]),
                              .not_null = not_null, .plain = plain});
          return true;
        });
  }

  Result<void> read_foreign_keys() {
    return connection.rows(
        "SELECT k.oid, k.conrelid, k.confrelid, k.confupdtype::text, k.confdeltype::text, k.conkey[p.i]::bigint, k.confkey[p.i]::bigint, p.i"
        " FROM pg_constraint k, LATERAL generate_subscripts(k.conkey, 1) AS p(i) WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.oid, p.i",
        {}, [&](RawRow row) {
          const Table *child = table(row[1].integer), *parent = table(row[2].integer);
          if (!child || !parent) return true;
          if (row[7].integer == 1)
            catalogue.foreign_keys.push_back({.table = child->name, .columns = {}, .parent = parent->name, .parent_columns = {},
                                              .on_update = action(row[3].bytes.at(0)), .on_delete = action(row[4].bytes.at(0))});
          ForeignKey& key = catalogue.foreign_keys.back();
          key.columns.push_back(child->columns[static_cast<std::size_t>(columns[{row[1].integer, row[5].integer}])].name);
          key.parent_columns.push_back(parent->columns[static_cast<std::size_t>(columns[{row[2].integer, row[6].integer}])].name);
          return true;
        });
  }

  // Triggers that fire, and rules that rewrite: an entry for each event.
  Result<void> read_triggers() {
    const auto add = [&](std::int64_t oid, const std::string& name, const char* event, const std::string& sql) {
      if (Table* of = table(oid)) of->triggers.push_back({name, event, sql});
    };
    auto read = connection.rows(
        "SELECT tgrelid, tgname, tgtype::bigint, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        " ORDER BY tgrelid, tgname",
        {}, [&](RawRow row) {
          const std::int64_t bits = row[2].integer;
          if (bits & 16) add(row[0].integer, text(row[1]), "UPDATE", text(row[3]));
          if (bits & 4) add(row[0].integer, text(row[1]), "INSERT", text(row[3]));
          if (bits & 8) add(row[0].integer, text(row[1]), "DELETE", text(row[3]));
          return true;
        });
    if (!read) return read;
    return connection.rows(
        "SELECT ev_class, rulename, ev_type::text, pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_type <> '1' AND ev_enabled IN ('O', 'A')", {},
        [&](RawRow row) {
          const char event = row[2].bytes.at(0);
          add(row[0].integer, text(row[1]), event == '2' ? "UPDATE" : event == '3' ? "INSERT" : "DELETE", "rule");
          return true;
        });
  }
};

}  // namespace

Result<Catalogue> Connection::catalogue() {
  const HeldRead held(*this);
  if (!held.begun) return held.begun.error();
  Reading reading{*this};
  reading.catalogue.engine = "postgres";
  auto version = schema_version();
  if (!version) return version.error();
  reading.catalogue.schema_version = *version;
  reading.catalogue.read_only = session_.read_only();
  for (const auto part : {&Reading::tables, &Reading::read_columns, &Reading::read_indexes, &Reading::read_foreign_keys, &Reading::read_triggers})
    if (auto read = (reading.*part)(); !read) return read.error();
  return std::move(reading.catalogue);
}

// There is no counter: a sum over the rows of the system's own tables that speak of the users' ones, each with the
// transaction that wrote it last.
Result<std::int64_t> Connection::schema_version() {
  std::int64_t version = 0;
  constexpr const char* sql =
      "SELECT (sum(hashtextextended(part, 0)) % 4611686018427387904)::bigint FROM ("
      " SELECT concat(oid, relname, relnamespace, relkind, relrowsecurity, relforcerowsecurity) FROM pg_class WHERE oid >= 16384"
      "  AND relnamespace <> coalesce((SELECT oid FROM pg_namespace WHERE nspname = 'bfl'), 0) AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relpersistence <> 't'"
      " UNION ALL SELECT concat(a.attrelid, a.attnum, a.xmin) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
      "  WHERE a.attrelid >= 16384 AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
      "  AND c.relnamespace <> coalesce((SELECT oid FROM pg_namespace WHERE nspname = 'bfl'), 0)"
      " UNION ALL SELECT concat('i', indexrelid, indisvalid, indkey) FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE indexrelid >= 16384 AND c.relpersistence <> 't'"
      "  AND c.relnamespace NOT IN (coalesce((SELECT oid FROM pg_namespace WHERE nspname = 'bfl'), 0), 99)"
      " UNION ALL SELECT concat('t', oid, xmin) FROM pg_trigger"
      " UNION ALL SELECT concat('k', k.oid, k.xmin) FROM pg_constraint k WHERE k.connamespace <> coalesce((SELECT oid FROM pg_namespace WHERE "
      "nspname = 'bfl'), 0)"
      " UNION ALL SELECT concat('r', oid, xmin) FROM pg_rewrite WHERE oid >= 16384"
      " UNION ALL SELECT concat('e', oid, xmin) FROM pg_enum) AS parts(part)";
  auto read = rows(sql, {}, [&](RawRow row) {
    version = row[0].integer;
    return false;
  });
  if (!read) return read.error();
  return version;
}

}  // namespace bfl::connect::postgres
