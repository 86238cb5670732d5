#include "interpreter/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

namespace bfl::store {
namespace {

constexpr int busy_timeout_ms = 5000;

ErrorClass class_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY: case SQLITE_LOCKED: return ErrorClass::transient;
    case SQLITE_PERM: case SQLITE_READONLY: case SQLITE_AUTH: case SQLITE_CANTOPEN: return ErrorClass::permission;
    default: return ErrorClass::fatal;
  }
}

std::string_view help_for(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY: case SQLITE_LOCKED: return "another process holds the state file; try again, or give a file of its own with `--state PATH`";
    case SQLITE_PERM: case SQLITE_READONLY: case SQLITE_AUTH: case SQLITE_CANTOPEN:
      return "make the folder of the state file writable, or give another one with `--state PATH`";
    case SQLITE_FULL: case SQLITE_IOERR: return "free space on the disk of the state file; the run goes on where it stopped";
    case SQLITE_CORRUPT: case SQLITE_NOTADB: return "move the file away: the target is the truth, and the next run makes a new one";
    default: return "";
  }
}

}  // namespace

Result<Database> Database::open(const std::string& path) {
  Database database;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &database.handle_, flags, nullptr) != SQLITE_OK) {
    const Error error = database.error("cannot be opened");
    return error;
  }
  sqlite3_busy_timeout(database.handle_, busy_timeout_ms);
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("cannot be used");
  return {};
}

Error Database::error(std::string_view doing) const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_) : SQLITE_NOMEM;
  return {class_of(code), fmt::format("the state file {}: {}", doing, handle_ ? sqlite3_errmsg(handle_) : "out of memory"), {},
          std::string(help_for(code))};
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  // A statement that cannot be prepared has no handle; the first row() reports why.
  sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &handle_, nullptr);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text(handle_, next_++, text.data() ? text.data() : "", static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  sqlite3_bind_int64(handle_, next_++, number);
  return *this;
}

Statement& Statement::bind(double number) {
  sqlite3_bind_double(handle_, next_++, number);
  return *this;
}

Result<bool> Statement::row() {
  if (!handle_) return database_.error("cannot be read");
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.error("cannot be used");
}

Result<void> Statement::run() {
  for (;;) {
    auto more = row();
    if (!more) {
      reset();
      return more.error();
    }
    if (!*more) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(handle_);
  next_ = 1;
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))) : std::string();
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }

Transaction::Transaction(Database& database) : database_(database), begun_(database.execute("BEGIN IMMEDIATE")) { open_ = bool(begun_); }

Transaction::~Transaction() {
  if (open_) (void)database_.execute("ROLLBACK");
}

Result<void> Transaction::begun() const { return begun_; }

Result<void> Transaction::commit() {
  auto done = database_.execute("COMMIT");
  if (done) open_ = false;
  return done;
}

}  // namespace bfl::store
