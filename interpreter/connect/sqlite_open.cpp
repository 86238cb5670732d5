#include "interpreter/connect/sqlite_open.h"

#include <fmt/format.h>

#include <filesystem>

#include "interpreter/base/decimal.h"
#include "interpreter/connect/sqlite_connection.h"
#include "interpreter/connect/sqlite_error.h"
#include "interpreter/store/sqlite.h"

namespace bfl::connect::sqlite {
namespace {

// Decimals that go through SQL as text sort by value under this collation.
int compare_decimals(void*, int a_size, const void* a, int b_size, const void* b) {
  const auto text = [](int size, const void* bytes) {
    return std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
  };
  const auto x = Decimal::parse(text(a_size, a)), y = Decimal::parse(text(b_size, b));
  if (x && y) return x->compare(*y);
  if (!x && !y) return text(a_size, a).compare(text(b_size, b));
  return x ? -1 : 1;  // what is no number comes last; a collation cannot fail
}

// All texts are one: columns of a row that do not count when rows are told apart.
int all_same(void*, int, const void*, int, const void*) { return 0; }

Error cannot_open(const std::string& path, Error error) {
  error.message = fmt::format("cannot open `{}`: {}", path, error.message);
  return error;
}

Result<std::unique_ptr<Connector>> set_up(Database db, const std::string& path, const OpenOptions& options) {
  sqlite3* raw = db.get();
  sqlite3_create_collation_v2(raw, "bfl_decimal", SQLITE_UTF8, nullptr, compare_decimals, nullptr);
  sqlite3_create_collation_v2(raw, "bfl_same", SQLITE_UTF8, nullptr, all_same, nullptr);
  auto connection = std::make_unique<Connection>(std::move(db), options);
  // A name in double quotes that is no column must be an error, never a text.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  // Foreign keys are always on, whatever the library was built with.
  if (auto set = connection->execute("PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA temp_store=FILE"); !set)
    return cannot_open(path, set.error());
  auto encoding = connection->compile("PRAGMA encoding");
  if (!encoding) return cannot_open(path, encoding.error());
  if (sqlite3_step(encoding->get()) != SQLITE_ROW) return cannot_open(path, last_error(raw, {}));
  const std::string name = reinterpret_cast<const char*>(sqlite3_column_text(encoding->get(), 0));
  if (name != "UTF-8")  // there text does not sort by code point
    return Error{ErrorClass::refused,
                 fmt::format("`{}` keeps its text as {}, bfl works on UTF-8 databases", path, name),
                 {},
                 "copy it with `.dump` into a new database"};
  if (auto version = connection->schema_version(); !version) return cannot_open(path, version.error());
  return std::unique_ptr<Connector>(std::move(connection));
}

}  // namespace

Result<std::unique_ptr<Connector>> open(const std::string& path, const OpenOptions& options) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (path.empty()) return Error{ErrorClass::fatal, "the path of the database is empty", {}, "write `sqlite:PATH`"};
  if (status.type() == std::filesystem::file_type::not_found)
    return Error{ErrorClass::fatal, fmt::format("no such file: `{}`", path), {}, "check the path of the source; nothing is created"};
  if (status.type() == std::filesystem::file_type::directory)
    return Error{ErrorClass::fatal, fmt::format("`{}` is a folder, not a database file", path), {}, "check the path of the source"};

  store::set_up_library();
  sqlite3* raw = nullptr;
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return cannot_open(path, raw ? last_error(raw, {}) : error_of(code, {}));
  if (!options.read_only && sqlite3_db_readonly(raw, "main") == 1)
    return cannot_open(path, error_of(SQLITE_READONLY, {}));  // SQLite falls back to read-only by itself

  return set_up(std::move(db), path, options);
}

// An empty name is a database of its own in a temporary file, which SQLite removes.
Result<std::unique_ptr<Connector>> open_scratch() {
  store::set_up_library();
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2("", &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return cannot_open("a temporary database", raw ? last_error(raw, {}) : error_of(code, {}));
  return set_up(std::move(db), "a temporary database", {});
}

}  // namespace bfl::connect::sqlite
