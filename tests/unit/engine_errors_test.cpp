// Every code that an engine may give has a row of its own or one of its class: a class and a reason, nothing by chance.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "interpreter/connect/postgres_error.h"
#include "interpreter/connect/sqlite_error.h"

using namespace bfl;
using namespace bfl::connect;

TEST_CASE("each class of SQLSTATEs that PostgreSQL has is known") {
  // Appendix A of its manual, versions 14 to 18, without those that say that all went well (00, 01, 02).
  for (const char* code : {"03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38",
                           "39", "3B", "3D", "3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX"}) {
    const auto rows = postgres::error_rows();
    CHECK_MESSAGE(std::any_of(rows.begin(), rows.end(), [&](const ErrorRow& row) { return row.code == std::string_view(code); }), code);
  }
}

TEST_CASE("codes of PostgreSQL that decide what a run does next") {
  const std::pair<const char*, ErrorClass> expected[] = {
      {"40001", ErrorClass::transient},  {"40P01", ErrorClass::transient},      {"55P03", ErrorClass::transient},  {"53300", ErrorClass::transient},
      {"08006", ErrorClass::transient},  {"57P01", ErrorClass::transient},      {"57P03", ErrorClass::transient},  {"25P03", ErrorClass::transient},
      {"25P04", ErrorClass::transient},  {"72000", ErrorClass::transient},      {"23505", ErrorClass::data},       {"22P02", ErrorClass::data},
      {"22012", ErrorClass::data},       {"23P01", ErrorClass::data},           {"P0001", ErrorClass::data},       {"54000", ErrorClass::data},
      {"54001", ErrorClass::fatal},      {"42501", ErrorClass::permission},     {"28P01", ErrorClass::permission}, {"25006", ErrorClass::permission},
      {"42703", ErrorClass::stale_schema}, {"42P01", ErrorClass::stale_schema}, {"42883", ErrorClass::stale_schema}, {"3F000", ErrorClass::stale_schema},
      {"42601", ErrorClass::fatal},      {"53100", ErrorClass::fatal},          {"53400", ErrorClass::fatal},      {"XX001", ErrorClass::fatal},
      {"40003", ErrorClass::unknown_commit}, {"08007", ErrorClass::unknown_commit}, {"40002", ErrorClass::data}, {"08P01", ErrorClass::fatal},
      {"57P04", ErrorClass::fatal},      {"58030", ErrorClass::fatal},          {"", ErrorClass::transient},       {"ZZ999", ErrorClass::fatal},
  };
  for (const auto& [code, kind] : expected) CHECK_MESSAGE(postgres::class_of(code) == kind, code);
}

TEST_CASE("rows are found: codes stand before their classes, each once, each with its reason") {
  std::set<std::string> seen;
  for (const ErrorRow& row : postgres::error_rows()) {
    const std::string code(row.code);
    CHECK_MESSAGE((code.size() == 2 || code.size() == 5), code);
    CHECK_MESSAGE(std::string_view(row.why).size() > 10, code);
    CHECK_MESSAGE(seen.insert(code).second, code);
    if (code.size() == 5) CHECK_MESSAGE(!seen.contains(code.substr(0, 2)), code << " would never be found");
  }
  seen.clear();
  for (const ErrorRow& row : sqlite::error_rows()) {
    CHECK_MESSAGE(std::string_view(row.why).size() > 10, row.code);
    CHECK_MESSAGE(seen.insert(std::string(row.code)).second, row.code);
  }
}

TEST_CASE("each result code of SQLite has a row, its extended ones by themselves or by it") {
  const std::pair<int, const char*> primary[] = {
      {SQLITE_ERROR, "SQLITE_ERROR"},     {SQLITE_INTERNAL, "SQLITE_INTERNAL"}, {SQLITE_PERM, "SQLITE_PERM"},       {SQLITE_ABORT, "SQLITE_ABORT"},
      {SQLITE_BUSY, "SQLITE_BUSY"},       {SQLITE_LOCKED, "SQLITE_LOCKED"},     {SQLITE_NOMEM, "SQLITE_NOMEM"},     {SQLITE_READONLY, "SQLITE_READONLY"},
      {SQLITE_INTERRUPT, "SQLITE_INTERRUPT"}, {SQLITE_IOERR, "SQLITE_IOERR"},   {SQLITE_CORRUPT, "SQLITE_CORRUPT"}, {SQLITE_NOTFOUND, "SQLITE_NOTFOUND"},
      {SQLITE_FULL, "SQLITE_FULL"},       {SQLITE_CANTOPEN, "SQLITE_CANTOPEN"}, {SQLITE_PROTOCOL, "SQLITE_PROTOCOL"}, {SQLITE_EMPTY, "SQLITE_EMPTY"},
      {SQLITE_SCHEMA, "SQLITE_SCHEMA"},   {SQLITE_TOOBIG, "SQLITE_TOOBIG"},     {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT"}, {SQLITE_MISMATCH, "SQLITE_MISMATCH"},
      {SQLITE_MISUSE, "SQLITE_MISUSE"},   {SQLITE_NOLFS, "SQLITE_NOLFS"},       {SQLITE_AUTH, "SQLITE_AUTH"},       {SQLITE_FORMAT, "SQLITE_FORMAT"},
      {SQLITE_RANGE, "SQLITE_RANGE"},     {SQLITE_NOTADB, "SQLITE_NOTADB"},     {SQLITE_NOTICE, "SQLITE_NOTICE"},   {SQLITE_WARNING, "SQLITE_WARNING"},
  };
  // 1 to 28 without a gap: a newer SQLite with another one shows here.
  CHECK(std::size(primary) == 28);
  CHECK(std::string_view(sqlite3_errstr(29)) == "unknown error");
  const auto rows = sqlite::error_rows();
  for (const auto& [code, name] : primary) CHECK_MESSAGE(std::any_of(rows.begin(), rows.end(), [&](const ErrorRow& row) { return row.code == std::string_view(name); }), name);
}

TEST_CASE("codes of SQLite that decide what a run does next") {
  const std::pair<int, ErrorClass> expected[] = {
      {SQLITE_BUSY, ErrorClass::transient},           {SQLITE_BUSY_SNAPSHOT, ErrorClass::transient}, {SQLITE_BUSY_TIMEOUT, ErrorClass::transient},
      {SQLITE_LOCKED_SHAREDCACHE, ErrorClass::transient}, {SQLITE_PROTOCOL, ErrorClass::transient},   {SQLITE_ERROR_SNAPSHOT, ErrorClass::transient},
      {SQLITE_CONSTRAINT_UNIQUE, ErrorClass::data},   {SQLITE_CONSTRAINT_TRIGGER, ErrorClass::data}, {SQLITE_CONSTRAINT_VTAB, ErrorClass::data},
      {SQLITE_CONSTRAINT_DATATYPE, ErrorClass::data}, {SQLITE_TOOBIG, ErrorClass::data},             {SQLITE_READONLY_DBMOVED, ErrorClass::refused},
      {SQLITE_READONLY_CANTLOCK, ErrorClass::permission}, {SQLITE_AUTH, ErrorClass::permission},     {SQLITE_IOERR_FSYNC, ErrorClass::fatal},
      {SQLITE_IOERR_NOMEM, ErrorClass::fatal},        {SQLITE_FULL, ErrorClass::fatal},              {SQLITE_CORRUPT_INDEX, ErrorClass::fatal},
      {SQLITE_INTERRUPT, ErrorClass::interrupted},    {SQLITE_CANTOPEN_ISDIR, ErrorClass::fatal},    {SQLITE_NOTADB, ErrorClass::fatal},
  };
  for (const auto& [code, kind] : expected) CHECK_MESSAGE(sqlite::class_of(code) == kind, code);
}
