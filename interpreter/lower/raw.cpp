// SQL that stands in the script: put into a statement as it is, with the values of the job's parameters bound.
#include <fmt/format.h>

#include "interpreter/lower/postgres.h"
#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::ExprKind;
using program::ExprPtr;
using program::Query;
using program::RawSql;

namespace {

// A comment may end the text: what comes behind it stands on a line of its own.
template <class Bind>
std::string with_values(const RawSql& sql, const Bind& bind) {
  std::string text = "\n";
  for (std::size_t i = 0; i < sql.pieces.size(); ++i) {
    text += sql.pieces[i];
    if (i < sql.parameters.size()) text += bind(sql.parameters[i]);
  }
  return text + "\n";
}

// Values in the forms that SQLite's own functions take and give: `2025-03-01 10:00:00`, numbers as numbers.
Wire own_form(const Type& type) {
  Wire wire = wire_of(type);
  if (type.kind == Kind::decimal) wire.storage = Storage::decimal_numeric;
  wire.time_separator = ' ';
  wire.time_suffix = "";
  return wire;
}

}  // namespace

std::string Writer::raw(const RawSql& sql) {
  return with_values(sql, [this](const ExprPtr& parameter) {
    if (parameter->kind == ExprKind::clock) statement_.clocks.push_back(statement_.binds.size());
    return bind(parameter->kind == ExprKind::clock ? Value(Timestamp{}) : parameter->value, own_form(parameter->type));
  });
}

std::string postgres::Writer::raw(const RawSql& sql) {
  return with_values(sql, [this](const ExprPtr& parameter) { return "(" + value(parameter) + ")"; });
}

std::string postgres::Writer::query(const Query& of) {
  std::vector<std::string> list;
  for (const Column& column : table(of.table).columns) {
    const std::string name = "q." + quote_identifier(column.name);
    list.push_back(fmt::format("{} AS {}", column.type.kind == Kind::array ? fmt::format("to_json({})", name) : fmt::format("{}::{}", name, column.declared), quote_identifier(column.name)));
  }
  return fmt::format("SELECT {} FROM ({}) AS q", listed(list), raw(of.sql));
}

Statement query_text(const program::Program& program, const Query& query, Dialect dialect) {
  if (dialect == Dialect::sqlite) {
    Writer writer(program);
    const std::string text = writer.raw(query.sql);
    return writer.finish(fmt::format("SELECT * FROM ({})", text));
  }
  postgres::Writer writer(program);
  const std::string text = writer.raw(query.sql);
  auto statement = writer.finish(fmt::format("SELECT * FROM ({}) AS q", text));
  return statement ? std::move(*statement) : Statement{};
}

namespace {

// The rows of a table as they were, in a table of this transaction's own, beside those that are there now.
RawStep::Watched watched(const program::Program& program, program::TableRef ref, std::size_t number) {
  const Table& table = program.table(ref);
  const postgres::Rows rows{table, table.identity()->columns};
  const std::string copy = fmt::format("pg_temp.bfl_before_{}", number), name = rows.name();
  RawStep::Watched made;
  made.lock = fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", name);
  made.copy = fmt::format("CREATE TEMP TABLE bfl_before_{} ON COMMIT DROP AS SELECT * FROM {}", number, name);
  made.forget = "DROP TABLE " + copy;
  std::vector<std::string> same, columns;
  const std::vector<std::string> before = rows.key_names("b"), now = rows.key_names("w");
  for (std::size_t i = 0; i < before.size(); ++i) same.push_back(fmt::format("b{} = w{}", before[i].substr(1), now[i].substr(1)));
  const std::string key = postgres::listed(same, " AND ");
  const auto statement = [&](const std::vector<std::string>& list, const std::string& from, Shows shows) {
    postgres::Writer writer(program);
    auto finished = writer.finish(fmt::format("SELECT {} FROM {}", postgres::listed(list), from));
    Statement found = finished ? std::move(*finished) : Statement{};
    found.shows = shows;
    found.table = table.name;
    return found;
  };
  std::vector<std::string> both = rows.all_read("b");
  for (std::string& column : rows.all_read("w")) both.push_back(std::move(column));
  made.changed = statement(both, fmt::format("{} AS b JOIN {} AS w ON {} WHERE (b.*)::text IS DISTINCT FROM (w.*)::text", copy, name, key), Shows::rewrites);
  made.added = statement(rows.all_read("w"), fmt::format("{} AS w WHERE NOT EXISTS (SELECT FROM {} AS b WHERE {})", name, copy, key), Shows::inserts);
  made.gone = statement(rows.all_read("b"), fmt::format("{} AS b WHERE NOT EXISTS (SELECT FROM {} AS w WHERE {})", copy, name, key), Shows::deletes);
  return made;
}

}  // namespace

RawStep raw_step(const program::Program& program, const program::Step& step, Dialect dialect) {
  RawStep made;
  if (dialect == Dialect::sqlite) {
    Writer writer(program);
    const std::string text = writer.raw(*step.sql);
    made.change = writer.finish(text);
    return made;
  }
  postgres::Writer writer(program);
  const std::string text = writer.raw(*step.sql);
  if (auto statement = writer.finish(text)) made.change = std::move(*statement);
  std::string own;
  const auto add = [&](program::TableRef ref) {
    made.tables.push_back(watched(program, ref, made.tables.size()));
    const std::string name = quote_text(postgres::relation_name(program.table(ref)));
    own += fmt::format(" AND relid <> {0}::regclass AND relid NOT IN (SELECT p.relid FROM pg_partition_tree({0}::regclass) AS p)", name);
  };
  add(step.target);
  for (const program::TableRef ref : step.cascades) add(ref);
  made.elsewhere = "SELECT schemaname || '.' || relname, (n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_xact_user_tables"
                   " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND schemaname <> 'bfl' AND schemaname NOT LIKE 'pg\\_temp%'" + own;
  return made;
}

Statement query_misfits(const program::Program& program, const Query& query) {
  postgres::Writer writer(program);
  const Table& table = program.table(query.table);
  const Key* key = table.identity();
  std::string shown = "''", nulls, keys;
  if (key)
    for (const int column : key->columns) {
      const std::string& name = table.columns[static_cast<std::size_t>(column)].name;
      keys += (keys.empty() ? "" : ", ") + ("q." + quote_identifier(name));
      shown += fmt::format(" || {} || COALESCE(q.{}::text, 'null')", quote_text((column == key->columns[0] ? "" : ", ") + name + " = "), quote_identifier(name));
    }
  for (const Column& column : table.columns)
    if (!column.type.nullable) nulls += fmt::format(" WHEN q.{} IS NULL THEN {}", quote_identifier(column.name), quote_text("`" + column.name + "` is null"));
  const std::string rows = writer.query(query);
  std::string text;
  if (!nulls.empty()) text = fmt::format("SELECT wrong, {} FROM (SELECT q.*, CASE{} END AS wrong FROM ({}) AS q) AS q WHERE wrong IS NOT NULL", shown, nulls, rows);
  if (key) {
    const std::string twice = fmt::format("SELECT 'the key is not alone', {} FROM ({}) AS q GROUP BY {} HAVING count(*) > 1", shown, writer.query(query), keys);
    text = text.empty() ? twice : fmt::format("({} LIMIT 1) UNION ALL ({} LIMIT 1)", text, twice);
  }
  if (text.empty()) return {};
  auto statement = writer.finish(text + " LIMIT 1", {wire_of(Type{Kind::text}), wire_of(Type{Kind::text})});
  return statement ? std::move(*statement) : Statement{};
}

}  // namespace bfl::lower
