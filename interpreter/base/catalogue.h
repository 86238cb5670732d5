// What a database says about its own tables: filled by connectors, read by check, lower and run. Plain data.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/type.h"

namespace bfl {

// How a column's values lie in the database, where the bfl type alone does not tell (SQLite stores dates as text, money as
// REAL). `native`: the engine's own type is the bfl type.
enum class Storage : std::uint8_t {
  native,
  boolean_integer,   // 0 and 1
  decimal_numeric,   // INTEGER or REAL storage class; a REAL means the shortest decimal that reads back as it
  decimal_text,
  iso_text,          // date, timestamp as ISO 8601 text
  uuid_text,
  uuid_blob,
  json_text,         // arrays, too: `[1,2]`
  json_canonical,    // computed documents where SQL compares them: equal documents are one text
  real_or_nan,       // computed floats on their way through SQL: REAL, and the text `nan` for what the engine would turn into null
  unknown,           // no usable type: reading or writing it is an error whose help is the source's `column` clause
};

struct Column {
  std::string name;
  Type type;                    // nullable unless NOT NULL or part of a not-null key
  std::string declared{};       // as the catalogue has it, `NUMERIC(10,2)`
  std::string base{};           // PostgreSQL: its type behind domains and lengths, `int4`, `varchar`; `enum`; `other`
  std::string collation{};      // PostgreSQL: quoted name of a collation other than the database's own
  Storage storage = Storage::native;
  int scale = -1;               // decimals: digits behind the point as declared, -1 for none
  char time_separator = ' ';    // iso_text timestamps: as found in the stored rows
  std::string time_suffix{};    // iso_text timestamps: "", "Z" or "+00:00", as found
  int padded = -1;              // PostgreSQL's char(n): n, up to which it is stored with blanks behind it; 0: char of any length; -1: another type
  bool recast = false;          // PostgreSQL: the script reads it as another type than the database's
  bool generated = false;
  bool identity = false;        // PostgreSQL: numbered by the server, GENERATED ALWAYS: rows may bring a number, none is changed
  bool binary_collation = true;  // false: NOCASE, RTRIM or a custom collation; sorts otherwise than by bytes
  bool writable = true;         // the connection may set it
  bool has_default = false;
  bool sensitive = false;       // the script says so, or its values are made of such ones: they are shown nowhere
};

struct Key {
  std::string name;              // index name; "primary key" for the primary key
  std::vector<int> columns;      // indexes into Table::columns
  bool primary = false;
  bool not_null = false;         // every column NOT NULL
  bool plain = true;             // no partial condition, no expression
};

struct ForeignKey {
  std::string table;             // referencing table
  std::vector<std::string> columns;
  std::string parent;            // referenced table
  std::vector<std::string> parent_columns;
  std::string on_update;         // NO ACTION, RESTRICT, CASCADE, SET NULL, SET DEFAULT
  std::string on_delete;
};

struct Trigger { std::string name, event /* UPDATE, INSERT, DELETE */, sql; };

struct Table {
  std::string name;              // as the catalogue spells it; PostgreSQL: `schema.table` outside of the search path
  std::string schema = "main";   // where it lies, as SQL names it; rows that were shipped lie in `temp`; empty: wherever it is found
  std::string kept{};            // a relation that bfl keeps, as the script calls it: `ranked`, `fresh.inserted`; empty: the user's own table
  int query = -1;                // a relation that the script says in SQL: its place in Program::queries
  std::string relation{};        // its name there, where that is another one; PostgreSQL: always
  std::vector<Column> columns;
  std::vector<Key> keys;         // unique ones only, primary first
  std::vector<std::vector<int>> indexes;  // all indexes, unique or not: leading columns
  std::vector<Trigger> triggers;
  bool view = false, virtual_table = false, without_rowid = false, strict = false;
  std::string image{};           // of a shipped table: the column that holds each row as its own database stores it
  bool inherited = false;        // PostgreSQL: other tables' rows are seen through it
  bool partitioned = false;      // PostgreSQL: all its rows lie in tables of their own
  int rowid_alias = -1;          // SQLite: the INTEGER PRIMARY KEY column
  std::optional<std::int64_t> estimated_rows{};

  // By what a row is found again: the first plain unique key without nulls; null: there is none.
  const Key* identity() const {
    for (const Key& key : keys)
      if (key.plain && key.not_null) return &key;
    return nullptr;
  }
  // "id, name"
  std::string names_of(const std::vector<int>& of) const {
    std::string names;
    for (const int column : of) names += (names.empty() ? "" : ", ") + columns[static_cast<std::size_t>(column)].name;
    return names;
  }
  int column_index(const std::string& column) const {
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == column) return static_cast<int>(i);
    return -1;
  }
};

struct Catalogue {
  std::string engine;            // "sqlite", "postgres", "csv"
  std::vector<Table> tables;     // bfl's own tables left out
  std::vector<ForeignKey> foreign_keys;
  std::int64_t schema_version = 0;  // changes whenever the schema does
  bool read_only = false;            // rows can only be read; bfl keeps no tables of its own there
};

}  // namespace bfl
