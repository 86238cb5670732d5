#include "interpreter/connect/sqlite_error.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <vector>

namespace bfl::connect::sqlite {
namespace {

struct Row {
  int code;
  ErrorRow row;
  bool says;            // `why` is the message; else the database's own words are
  const char* help;
};

constexpr const char* other_values = "leave out the rows whose value is there already, `where x not in (x from TABLE)`, or give each a free one: `unique x order by … else f\"{wanted}-{n}\"`";
constexpr const char* parents = "leave out the rows whose parent is missing, `join one PARENT as p on … else skip \"…\"`, or add the parents in a step before";

// Extended codes are looked up first, then their primary code (the low byte).
constexpr Row table[] = {
    {SQLITE_BUSY_SNAPSHOT, {"SQLITE_BUSY_SNAPSHOT", ErrorClass::transient, "the database changed under a read snapshot"}, true, ""},
    {SQLITE_BUSY_RECOVERY, {"SQLITE_BUSY_RECOVERY", ErrorClass::transient, "another process is recovering the database's write-ahead log"}, true, ""},
    {SQLITE_BUSY_TIMEOUT, {"SQLITE_BUSY_TIMEOUT", ErrorClass::transient, "a lock of the file system was not had in time"}, true, ""},
    {SQLITE_BUSY, {"SQLITE_BUSY", ErrorClass::transient, "the database is locked by another process"}, true, "wait for the other writer, or stop it"},
    {SQLITE_LOCKED, {"SQLITE_LOCKED", ErrorClass::transient, "a table is locked by another connection of this process"}, true, ""},
    {SQLITE_SCHEMA, {"SQLITE_SCHEMA", ErrorClass::transient, "the schema changed while the statement ran"}, true, ""},
    {SQLITE_PROTOCOL, {"SQLITE_PROTOCOL", ErrorClass::transient, "the locks of the write-ahead log could not be had"}, true, ""},
    {SQLITE_CONSTRAINT_NOTNULL, {"SQLITE_CONSTRAINT_NOTNULL", ErrorClass::data, "null for a column that may not be null"}, false, "say what it is then, `value ?? fallback`, or leave such rows out with a `where`"},
    {SQLITE_CONSTRAINT_UNIQUE, {"SQLITE_CONSTRAINT_UNIQUE", ErrorClass::data, "another row has these values under a unique key"}, false, other_values},
    {SQLITE_CONSTRAINT_PRIMARYKEY, {"SQLITE_CONSTRAINT_PRIMARYKEY", ErrorClass::data, "another row has this primary key"}, false, other_values},
    {SQLITE_CONSTRAINT_CHECK, {"SQLITE_CONSTRAINT_CHECK", ErrorClass::data, "a value that a check of the table does not allow"}, false, "write a value that the check allows, or leave such rows out with a `where`"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, {"SQLITE_CONSTRAINT_FOREIGNKEY", ErrorClass::data, "a reference to a row that is not there, or to one that would go"}, false, parents},
    {SQLITE_CONSTRAINT_TRIGGER, {"SQLITE_CONSTRAINT_TRIGGER", ErrorClass::data, "a trigger refuses the row"}, false, ""},
    {SQLITE_CONSTRAINT_ROWID, {"SQLITE_CONSTRAINT_ROWID", ErrorClass::data, "another row has this rowid"}, false, other_values},
    {SQLITE_CONSTRAINT_DATATYPE, {"SQLITE_CONSTRAINT_DATATYPE", ErrorClass::data, "a value of another type than the column of a STRICT table takes"}, false, ""},
    {SQLITE_CONSTRAINT, {"SQLITE_CONSTRAINT", ErrorClass::data, "a constraint: not null, unique, foreign key, check, or a trigger that raises"}, false, ""},
    {SQLITE_MISMATCH, {"SQLITE_MISMATCH", ErrorClass::data, "a value of another type than the key takes"}, false, ""},
    {SQLITE_TOOBIG, {"SQLITE_TOOBIG", ErrorClass::data, "a value or a row is larger than SQLite can hold"}, true, ""},
    {SQLITE_RANGE, {"SQLITE_RANGE", ErrorClass::fatal, "a parameter that the statement does not have"}, false, ""},
    {SQLITE_READONLY_DBMOVED, {"SQLITE_READONLY_DBMOVED", ErrorClass::refused, "the database file was moved or replaced after it was opened"}, true, "run the job again"},
    {SQLITE_READONLY_RECOVERY, {"SQLITE_READONLY_RECOVERY", ErrorClass::permission, "the write-ahead log has to be recovered, and the database is read-only"}, true, "check the permissions of the file and of its folder"},
    {SQLITE_READONLY_DIRECTORY, {"SQLITE_READONLY_DIRECTORY", ErrorClass::permission, "no journal can be made: the folder is read-only"}, true, "check the permissions of the folder"},
    {SQLITE_READONLY, {"SQLITE_READONLY", ErrorClass::permission, "the database is read-only"}, true, "check the permissions of the file and of its folder"},
    {SQLITE_PERM, {"SQLITE_PERM", ErrorClass::permission, "access to the database is not permitted"}, true, "check the permissions of the file and of its folder"},
    {SQLITE_AUTH, {"SQLITE_AUTH", ErrorClass::permission, "an authorizer of the database refuses"}, false, ""},
    {SQLITE_AUTH_USER, {"SQLITE_AUTH_USER", ErrorClass::permission, "the user may not"}, false, ""},
    {SQLITE_INTERRUPT, {"SQLITE_INTERRUPT", ErrorClass::interrupted, "the statement was interrupted"}, true, ""},
    {SQLITE_ABORT_ROLLBACK, {"SQLITE_ABORT_ROLLBACK", ErrorClass::transient, "the transaction was rolled back under the statement"}, true, ""},
    {SQLITE_ABORT, {"SQLITE_ABORT", ErrorClass::interrupted, "the statement was stopped"}, true, ""},
    {SQLITE_FULL, {"SQLITE_FULL", ErrorClass::fatal, "the disk is full"}, true, "make room, then run the job again: it goes on where it stopped"},
    {SQLITE_IOERR_NOMEM, {"SQLITE_IOERR_NOMEM", ErrorClass::fatal, "out of memory"}, true, ""},
    {SQLITE_IOERR, {"SQLITE_IOERR", ErrorClass::fatal, "the disk reported an error"}, true, "check the disk, then run the job again: it goes on where it stopped"},
    {SQLITE_NOMEM, {"SQLITE_NOMEM", ErrorClass::fatal, "out of memory"}, true, ""},
    {SQLITE_CORRUPT_INDEX, {"SQLITE_CORRUPT_INDEX", ErrorClass::fatal, "an index does not agree with its table"}, true, "check it with `pragma integrity_check`; `REINDEX` makes indexes anew"},
    {SQLITE_CORRUPT, {"SQLITE_CORRUPT", ErrorClass::fatal, "the database file is damaged"}, true, "check it with `pragma integrity_check`"},
    {SQLITE_NOTADB, {"SQLITE_NOTADB", ErrorClass::fatal, "the file is not a SQLite database"}, true, "check the path of the source"},
    {SQLITE_CANTOPEN, {"SQLITE_CANTOPEN", ErrorClass::fatal, "the database file cannot be opened"}, true, "check the path of the source and the permissions of its folder"},
    {SQLITE_FORMAT, {"SQLITE_FORMAT", ErrorClass::fatal, "not used by SQLite any more"}, false, ""},
    {SQLITE_NOLFS, {"SQLITE_NOLFS", ErrorClass::fatal, "the file system does not take files of this size"}, true, ""},
    {SQLITE_NOTFOUND, {"SQLITE_NOTFOUND", ErrorClass::fatal, "an operation that the file system does not know"}, false, ""},
    {SQLITE_EMPTY, {"SQLITE_EMPTY", ErrorClass::fatal, "not used by SQLite any more"}, false, ""},
    {SQLITE_MISUSE, {"SQLITE_MISUSE", ErrorClass::fatal, "bfl called SQLite wrongly"}, false, ""},
    {SQLITE_INTERNAL, {"SQLITE_INTERNAL", ErrorClass::fatal, "an internal error of SQLite"}, false, ""},
    {SQLITE_NOTICE, {"SQLITE_NOTICE", ErrorClass::fatal, "a notice for SQLite's own log, never the end of a statement"}, false, ""},
    {SQLITE_WARNING, {"SQLITE_WARNING", ErrorClass::fatal, "a warning for SQLite's own log, never the end of a statement"}, false, ""},
    {SQLITE_ERROR_SNAPSHOT, {"SQLITE_ERROR_SNAPSHOT", ErrorClass::transient, "a snapshot that is not there any more"}, false, ""},
    {SQLITE_ERROR_RETRY, {"SQLITE_ERROR_RETRY", ErrorClass::transient, "SQLite asks for the statement once more"}, false, ""},
    {SQLITE_ERROR_MISSING_COLLSEQ, {"SQLITE_ERROR_MISSING_COLLSEQ", ErrorClass::fatal, "a collation that only another program has"}, false, ""},
    {SQLITE_ERROR, {"SQLITE_ERROR", ErrorClass::fatal, "the statement is wrong, or a function of it failed"}, false, ""},
};

const Row* row_of(int code) {
  for (int wanted : {code, code & 0xff})
    for (const Row& row : table)
      if (row.code == wanted) return &row;
  return nullptr;
}

Error make(int code, std::string_view words, std::string_view sql) {
  const Row* row = row_of(code);
  // Limits of SQLite's own parser and planner come as plain errors.
  for (std::string_view limit :
       {"parser stack overflow", "Expression tree is too large", "too many columns", "too many terms", "at most 64 tables"})
    if (code == SQLITE_ERROR && words.find(limit) != std::string_view::npos)
      return {ErrorClass::refused, fmt::format("the statement is too large for SQLite: {}", words), statement_detail(sql),
              "nest fewer relations and conditions in each other, or split the step"};
  Error error;
  error.kind = row ? row->row.kind : ErrorClass::fatal;
  error.message = row && row->says ? std::string(row->row.why) : fmt::format("the database refused: {}", words);
  error.detail = row && row->says ? std::string(words) : "";
  if (!sql.empty()) error.detail = fmt::format("{}{}{}", error.detail, error.detail.empty() ? "" : "\n", statement_detail(sql));
  if (row) error.help = row->help;
  return error;
}

}  // namespace

std::span<const ErrorRow> error_rows() {
  static const std::vector<ErrorRow> rows = [] {
    std::vector<ErrorRow> all;
    for (const Row& row : table) all.push_back(row.row);
    return all;
  }();
  return rows;
}

ErrorClass class_of(int extended_code) {
  const Row* row = row_of(extended_code);
  return row ? row->row.kind : ErrorClass::fatal;
}

Error last_error(sqlite3* db, std::string_view sql) { return make(sqlite3_extended_errcode(db), sqlite3_errmsg(db), sql); }

Error error_of(int extended_code, std::string_view sql) { return make(extended_code, sqlite3_errstr(extended_code), sql); }

std::string statement_detail(std::string_view sql) {
  constexpr std::size_t most = 2000;
  if (sql.size() <= most) return fmt::format("statement: {}", sql);
  // Cut at ASCII only, so that no character is split.
  std::size_t head = most / 2, tail = sql.size() - most / 2;
  while (head > 0 && (static_cast<unsigned char>(sql[head]) & 0xC0) == 0x80) --head;
  while (tail < sql.size() && (static_cast<unsigned char>(sql[tail]) & 0xC0) == 0x80) ++tail;
  return fmt::format("statement: {} … {}", sql.substr(0, head), sql.substr(tail));
}

}  // namespace bfl::connect::sqlite
