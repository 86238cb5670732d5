#include "interpreter/ledger/named_table.h"

#include <algorithm>

#include "interpreter/ledger/own_sql.h"

namespace bfl::ledger {
namespace {

constexpr std::string_view without_schemas = "main";  // as SQLite calls the one that it has

std::string with_schema(const std::string& schema, const std::string& name) { return name.starts_with(schema + ".") ? name : schema + "." + name; }

bool has_schema(const Table& table) { return !table.schema.empty() && table.schema != without_schemas; }

}  // namespace

TableName name_in_ledger(const Table& table) { return {table.name, has_schema(table) ? table.schema : std::string()}; }

Same NamedTable::is(const TableName& named) const {
  const auto all = names();
  if (!named.schema.empty()) {
    const std::string full = with_schema(named.schema, named.name);
    const Table then = called();
    return full == table.schema + "." + relation() || (!was.empty() && full == with_schema(then.schema, then.name)) ? Same::yes : Same::no;
  }
  if (std::find(all.begin(), all.end(), named.name) == all.end()) return Same::no;
  return only_one || named.name != relation() || relation() == called().name ? Same::yes : Same::untold;
}

Table NamedTable::called() const {
  Table then{was, table.schema};
  const auto dot = has_schema(table) ? was.find('.') : std::string::npos;
  if (dot != std::string::npos) then.schema = was.substr(0, dot), then.name = was.substr(dot + 1);
  return then;
}

std::vector<std::string> NamedTable::names() const {
  std::vector<std::string> all;
  for (const Table& named : {Table{relation(), table.schema}, called()}) {
    if (named.name.empty()) continue;
    all.push_back(named.name);
    if (has_schema(named)) all.push_back(named.schema + "." + named.name);
  }
  return all;
}

Result<NamedTable> named_table(connect::Connector& target, const Table& table, const std::string& was) {
  NamedTable made{table, was};
  if (target.engine() != "postgres") return made;
  auto others = target.prepare("SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE CAST(c.relname AS TEXT) = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND CAST(n.nspname AS TEXT) <> $2");
  if (!others) return others.error();
  const std::string relation = made.relation();
  const connect::RawValue here[] = {text(relation), text(table.schema)};
  auto read = (*others)->query_raw(here, [&](connect::RawRow) { return made.only_one = false; });
  if (!read) return read.error();
  return made;
}

}  // namespace bfl::ledger
