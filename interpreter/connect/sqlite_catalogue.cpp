// The catalogue of a SQLite file, from its pragmas: nothing is parsed where SQLite can be asked.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/connect/held_read.h"
#include "interpreter/connect/sqlite_connection.h"
#include "interpreter/connect/sqlite_error.h"
#include "interpreter/connect/sqlite_types.h"
#include "interpreter/connect/sqlite_values.h"

namespace bfl::connect::sqlite {
namespace {

// Rows of one query, for as long as it is stepped; an error ends it and stays in `error`.
class Rows {
 public:
  Rows(Connection& connection, std::string sql, std::initializer_list<std::string_view> texts = {})
      : connection_(connection), sql_(std::move(sql)) {
    auto compiled = connection.compile(sql_);
    if (!compiled) {
      error = compiled.error();
      return;
    }
    statement_ = std::move(*compiled);
    int index = 0;
    for (std::string_view text : texts)
      sqlite3_bind_text(statement_.get(), ++index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }
  bool next() {
    if (error) return false;
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) error = connection_.failure(code, sql_);
    return false;
  }
  bool null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))) : std::string();
  }
  RawValue raw(int column) const { return raw_of_column(statement_.get(), column); }

  std::optional<Error> error;

 private:
  Connection& connection_;
  std::string sql_;
  StatementHandle statement_;
};

// What a trigger reacts to: the first of the three verbs behind its name. Quoted names and comments are passed over.
std::string trigger_event(std::string_view sql) {
  int words = 0;
  for (std::size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    if (c == '"' || c == '`' || c == '\'' || c == '[') {
      const char close = c == '[' ? ']' : c;
      for (++i; i < sql.size() && !(sql[i] == close && !(i + 1 < sql.size() && sql[i + 1] == close && close != ']')); ++i)
        if (sql[i] == close) ++i;
      ++i;
      ++words;
    } else if (sql.substr(i, 2) == "--") {
      i = std::min(sql.find('\n', i), sql.size());
    } else if (sql.substr(i, 2) == "/*") {
      const auto end = sql.find("*/", i + 2);
      i = end == std::string_view::npos ? sql.size() : end + 2;
    } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) >= 0x80) {
      std::size_t end = i;
      while (end < sql.size() &&
             (std::isalnum(static_cast<unsigned char>(sql[end])) || sql[end] == '_' || static_cast<unsigned char>(sql[end]) >= 0x80))
        ++end;
      std::string word(sql.substr(i, end - i));
      std::transform(word.begin(), word.end(), word.begin(), [](unsigned char ch) { return static_cast<char>(std::toupper(ch)); });
      // CREATE TRIGGER and the name come first: a trigger may be called `update`.
      if (words >= 3 && (word == "UPDATE" || word == "INSERT" || word == "DELETE")) return word;
      ++words;
      i = end;
    } else {
      ++i;
    }
  }
  return {};
}

std::optional<Error> read_columns(Connection& connection, Table& table) {
  std::vector<int> key;
  Rows rows(connection, "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid", {table.name});
  while (rows.next()) {
    if (rows.integer(5) == 1) continue;  // hidden columns of virtual tables
    Column column;
    column.name = rows.text(0);
    column.declared = rows.text(1);
    column.generated = rows.integer(5) == 2 || rows.integer(5) == 3;
    column.has_default = !rows.null(3);
    column.type.nullable = rows.integer(2) == 0 && !(table.without_rowid && rows.integer(4) > 0);
    if (column.generated)  // the declared type then ends in GENERATED ALWAYS
      if (const auto at = column.declared.find(" GENERATED"); at != std::string::npos) column.declared.resize(at);
    type_by_declaration(column);
    const char* collation = nullptr;
    if (!table.view && !table.virtual_table &&
        sqlite3_table_column_metadata(connection.handle(), "main", table.name.c_str(), column.name.c_str(), nullptr, &collation, nullptr,
                                      nullptr, nullptr) == SQLITE_OK)
      column.binary_collation = !collation || sqlite3_stricmp(collation, "BINARY") == 0;
    table.columns.push_back(std::move(column));
  }
  return rows.error;
}

struct IndexRow {
  std::string name, origin;
  bool unique = false, partial = false;
};

std::optional<Error> read_indexes(Connection& connection, Table& table) {
  std::vector<IndexRow> indexes;
  Rows list(connection, "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1)", {table.name});
  while (list.next()) indexes.push_back({list.text(0), list.text(2), list.integer(1) != 0, list.integer(3) != 0});
  if (list.error) return list.error;

  // The rowid alias has no index of its own; a primary key that has one is not it.
  std::vector<int> key;
  {
    Rows rows(connection, "SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk", {table.name});
    while (rows.next()) key.push_back(table.column_index(rows.text(0)));
    if (rows.error) return rows.error;
  }
  const bool indexed = std::any_of(indexes.begin(), indexes.end(), [](const IndexRow& index) { return index.origin == "pk"; });
  if (key.size() == 1 && !indexed && !table.without_rowid && !table.view && !table.virtual_table) {
    table.rowid_alias = key[0];
    table.columns[static_cast<std::size_t>(key[0])].type.nullable = false;
    table.keys.push_back({.name = "primary key", .columns = key, .primary = true, .not_null = true});
    table.indexes.push_back(key);
  }

  for (const IndexRow& index : indexes) {
    std::vector<int> columns;
    bool plain = !index.partial;
    Rows rows(connection, "SELECT cid, coll, name FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno", {index.name});
    while (rows.next()) {
      const int column = rows.integer(0) < 0 ? -1 : table.column_index(rows.text(2));
      if (column < 0) {
        plain = false;  // an expression
        break;
      }
      // An index under another collation than the column's neither keeps its order nor finds its values.
      const bool binary = rows.text(1) == "BINARY" || rows.null(1);
      if (binary != table.columns[static_cast<std::size_t>(column)].binary_collation) plain = false;
      columns.push_back(column);
    }
    if (rows.error) return rows.error;
    if (plain) table.indexes.push_back(columns);
    if (!index.unique) continue;
    bool not_null =
        std::all_of(columns.begin(), columns.end(), [&](int c) { return !table.columns[static_cast<std::size_t>(c)].type.nullable; });
    const bool primary = index.origin == "pk";
    // SQLite lets null into a primary key that does not say NOT NULL, and hardly anybody means that: what is stored decides.
    // One look into the index for one column; for several it would take a scan.
    if (primary && !not_null && plain && columns.size() == 1) {
      Rows null_key(connection, fmt::format("SELECT 1 FROM main.{} WHERE {} IS NULL LIMIT 1", lower::quote_identifier(table.name),
                                            lower::quote_identifier(table.columns[static_cast<std::size_t>(columns[0])].name)));
      not_null = !null_key.next();
      if (null_key.error) return null_key.error;
      if (not_null) table.columns[static_cast<std::size_t>(columns[0])].type.nullable = false;
    }
    Key unique{.name = primary ? "primary key" : index.name, .columns = columns, .primary = primary, .not_null = not_null, .plain = plain};
    table.keys.insert(primary ? table.keys.begin() : table.keys.end(), std::move(unique));
  }
  return {};
}

std::optional<Error> read_triggers(Connection& connection, Table& table) {
  Rows rows(connection, "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE ORDER BY rowid",
            {table.name});
  while (rows.next()) {
    std::string sql = rows.text(1), event = trigger_event(sql);
    table.triggers.push_back({rows.text(0), std::move(event), std::move(sql)});
  }
  return rows.error;
}

std::optional<Error> read_foreign_keys(Connection& connection, const Table& table, std::vector<ForeignKey>& keys) {
  std::int64_t id = -1;
  Rows rows(connection, "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
            {table.name});
  while (rows.next()) {
    if (rows.integer(0) != id)
      keys.push_back({.table = table.name,
                      .columns = {},
                      .parent = rows.text(1),
                      .parent_columns = {},
                      .on_update = rows.text(4),
                      .on_delete = rows.text(5)});
    id = rows.integer(0);
    keys.back().columns.push_back(rows.text(2));
    if (!rows.null(3)) keys.back().parent_columns.push_back(rows.text(3));
  }
  return rows.error;
}

// Names in a foreign key are as somebody typed them; the catalogue's spelling is the table's own.
void resolve(const std::vector<Table>& tables, ForeignKey& key) {
  const auto same = [](const std::string& a, const std::string& b) { return sqlite3_stricmp(a.c_str(), b.c_str()) == 0; };
  const auto spell = [&](const Table& table, std::string& name) {
    for (const Column& column : table.columns)
      if (same(column.name, name)) name = column.name;
  };
  for (const Table& table : tables) {
    if (table.name == key.table)
      for (std::string& name : key.columns) spell(table, name);
    if (!same(table.name, key.parent)) continue;
    key.parent = table.name;
    if (key.parent_columns.empty() && !table.keys.empty() && table.keys[0].primary)  // REFERENCES parent: its primary key
      for (int column : table.keys[0].columns) key.parent_columns.push_back(table.columns[static_cast<std::size_t>(column)].name);
    for (std::string& name : key.parent_columns) spell(table, name);
  }
}

// One stored value per column whose form the declaration leaves open; a bounded look, so that empty columns cost no scan.
void sample_columns(Connection& connection, Table& table) {
  for (Column& column : table.columns) {
    if (!needs_sample(column)) continue;
    const std::string name = lower::quote_identifier(column.name);
    Rows rows(connection, fmt::format("SELECT v FROM (SELECT {} AS v FROM main.{} LIMIT 1000) WHERE v IS NOT NULL LIMIT 1", name,
                                      lower::quote_identifier(table.name)));
    if (rows.next()) type_by_sample(column, rows.raw(0));
  }
}

void estimate_rows(Connection& connection, Table& table) {
  if (table.view || table.virtual_table || table.without_rowid) return;
  bool shadowed = false;
  for (const Column& column : table.columns) shadowed |= sqlite3_stricmp(column.name.c_str(), "_rowid_") == 0;
  if (shadowed) return;
  Rows rows(connection, fmt::format("SELECT max(_rowid_) FROM main.{}", lower::quote_identifier(table.name)));
  if (rows.next()) table.estimated_rows = std::max<std::int64_t>(rows.integer(0), 0);
}

}  // namespace

Result<Catalogue> Connection::catalogue() {
  const HeldRead held(*this);
  if (!held.begun) return held.begun.error();

  Catalogue result;
  result.engine = "sqlite";
  auto version = schema_version();
  if (!version) return version.error();
  result.schema_version = *version;

  Rows list(*this, "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' ORDER BY name");
  while (list.next()) {
    Table table;
    table.name = list.text(0);
    const std::string type = list.text(1);
    if (type == "shadow" || table.name.starts_with("sqlite_") || table.name.starts_with("bfl_")) continue;
    table.view = type == "view";
    table.virtual_table = type == "virtual";
    table.without_rowid = list.integer(2) != 0;
    table.strict = list.integer(3) != 0;
    result.tables.push_back(std::move(table));
  }
  if (list.error) return *list.error;

  std::vector<Table> readable;
  for (Table& table : result.tables) {
    auto error = read_columns(*this, table);
    // A view over a table that is gone, a virtual table whose module is not loaded: not there for a script, no reason to fail.
    if (table.columns.empty() || (error && (table.view || table.virtual_table))) continue;
    if (!error) error = read_indexes(*this, table);
    if (!error) error = read_triggers(*this, table);
    if (!error && !table.view && !table.virtual_table) error = read_foreign_keys(*this, table, result.foreign_keys);
    if (error) return *error;
    sample_columns(*this, table);
    estimate_rows(*this, table);
    readable.push_back(std::move(table));
  }
  result.tables = std::move(readable);
  for (ForeignKey& key : result.foreign_keys) resolve(result.tables, key);
  return result;
}

}  // namespace bfl::connect::sqlite
