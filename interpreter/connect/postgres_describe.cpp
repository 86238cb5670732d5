// What a statement gives and touches: the server prepares it without running it, and its plan names the tables.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/connect/held_read.h"
#include "interpreter/connect/postgres_connection.h"
#include "interpreter/connect/postgres_error.h"

namespace bfl::connect::postgres {
namespace {

struct Found {
  std::string schema, table;
  bool written = false;
};

void tables_of(const nlohmann::json& node, std::vector<Found>& found) {
  if (node.is_array())
    for (const auto& part : node) tables_of(part, found);
  if (!node.is_object()) return;
  if (node.contains("Relation Name") && node["Relation Name"].is_string())
    found.push_back({node.value("Schema", ""), node.value("Relation Name", ""), node.value("Node Type", "") == "ModifyTable"});
  for (const auto& part : node) tables_of(part, found);
}

bool is_name(const std::string& text) { return text.find_first_of("()'") == std::string::npos; }

}  // namespace

Result<Description> Connection::describe(const lower::Statement& statement, const eval::Context& context, std::span<const std::string> called) {
  auto fixed = constants(statement, context);
  if (!fixed) return fixed.error();
  const HeldRead held(*this);
  if (!held.begun) return held.begun.error();

  Description description;
  const Library& library = session_.library();
  std::string plan;
  auto explained = session_.execute("EXPLAIN (VERBOSE, FORMAT JSON) " + statement.text, *fixed);
  if (!explained) return explained.error();
  for (int row = 0; row < library.PQntuples(explained->get()); ++row)
    plan.append(library.PQgetvalue(explained->get(), row, 0), static_cast<std::size_t>(library.PQgetlength(explained->get(), row, 0)));
  std::vector<Found> found;
  tables_of(nlohmann::json::parse(plan, nullptr, false), found);

  if (statement.shows == lower::Shows::rows) {
    auto none = session_.execute(statement.text + " LIMIT 0", *fixed);
    if (!none) return none.error();
    std::string types = "0";
    const int columns = library.PQnfields(none->get());
    for (int i = 0; i < columns; ++i) types += fmt::format(", {}", library.PQftype(none->get(), i));
    struct Type { std::int64_t oid; std::string name, base; };
    std::vector<Type> known;
    auto read = rows(fmt::format("SELECT t.oid::bigint, format_type(t.oid, NULL), CASE WHEN b.typtype = 'e' THEN 'enum' WHEN n.nspname = 'pg_catalog' THEN b.typname::text ELSE 'other' END"
                                 " FROM pg_type t JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END"
                                 " JOIN pg_namespace n ON n.oid = b.typnamespace WHERE t.oid IN ({})", types),
                     {}, [&](RawRow row) {
                       known.push_back({row[0].integer, std::string(row[1].bytes), std::string(row[2].bytes)});
                       return true;
                     });
    if (!read) return read.error();
    for (int i = 0; i < columns; ++i) {
      Column column{.name = library.PQfname(none->get(), i)};
      for (const Type& type : known) {
        if (type.oid != static_cast<std::int64_t>(library.PQftype(none->get(), i))) continue;
        column.declared = type.name;
        give_type(column, type.base, library.PQfmod(none->get(), i));
      }
      description.columns.push_back(std::move(column));
    }
  }

  // A part of a table that is divided is read through the whole.
  for (const Found& table : found) {
    Description::Use use{.names = {{table.schema, table.table}}};
    auto read = rows(fmt::format("SELECT n.nspname::text, c.relname::text FROM pg_partition_ancestors((quote_ident({}) || '.' || quote_ident({}))::regclass) a(oid)"
                                 " JOIN pg_class c ON c.oid = a.oid JOIN pg_namespace n ON n.oid = c.relnamespace", lower::quote_text(table.schema), lower::quote_text(table.table)),
                     {}, [&](RawRow row) {
                       use.names.push_back({std::string(row[0].bytes), std::string(row[1].bytes)});
                       return true;
                     });
    if (!read) return read.error();
    (table.written ? description.writes : description.reads).push_back(std::move(use));
  }

  std::string names = "''";
  for (const std::string& name : called)
    if (is_name(name)) names += ", " + lower::quote_text(name);
  auto read = rows(fmt::format("SELECT DISTINCT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
                               " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.provolatile = 'v' AND pg_function_is_visible(p.oid) AND p.proname IN ({})", names),
                   {}, [&](RawRow row) {
                     description.unstable.emplace_back(row[0].bytes);
                     return true;
                   });
  if (!read) return read.error();
  return description;
}

}  // namespace bfl::connect::postgres
