#include "interpreter/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace bfl::store {
namespace {

constexpr int busy_timeout_ms = 5000;
constexpr std::chrono::milliseconds between_tries{10};

ErrorClass class_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY: case SQLITE_LOCKED: return ErrorClass::transient;
    case SQLITE_PERM: case SQLITE_READONLY: case SQLITE_AUTH: case SQLITE_CANTOPEN: return ErrorClass::permission;
    default: return ErrorClass::fatal;
  }
}

std::string_view help_for(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY: case SQLITE_LOCKED: return "another process is writing to it: try again, or give this run a file of its own with `--state PATH`";
    case SQLITE_PERM: case SQLITE_READONLY: case SQLITE_AUTH: case SQLITE_CANTOPEN:
      return "make the file and its folder writable, or give another path with `--state PATH`";
    case SQLITE_FULL: case SQLITE_IOERR: return "make room on the disk and run again: the job goes on where it stopped";
    default: return "move the file away and run again: the target is the truth, a new state file loses only the diary";
  }
}

// Where there is no log all that was committed is in the file itself: it is read without locks, for which files would be made beside it.
std::string to_be_read(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' || c == '-';
    if (plain) uri += c;
    else uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  std::error_code none;
  const bool logged = std::filesystem::file_size(path + "-wal", none) > 0 && !none;
  return logged ? uri : uri + "?immutable=1";
}

}  // namespace

void set_up_library() {
  // Both fail when the library is in use already, and then it only works slower.
  static const bool done = [] {
    // Counting the bytes in use takes a lock for every allocation: a tenth of a run's time.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    // An UPDATE that calls a function keeps the pages as they were, so that it can be taken back alone. On disk that is twice
    // the writing; in memory it is no more than the pages of one chunk. (A limit above 128 KiB does not work: on reaching it
    // SQLite 3.40 reports a full disk.)
    sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    return true;
  }();
  (void)done;
}

Result<Database> Database::open(const std::string& path, bool read_only) {
  set_up_library();
  Database database;
  database.path_ = path;
  // No lock of its own: one connection belongs to one thread.
  const int flags = (read_only ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const std::string name = read_only ? to_be_read(path) : path;
  if (sqlite3_open_v2(name.c_str(), &database.handle_, flags, nullptr) != SQLITE_OK) return database.last_error();
  sqlite3_busy_timeout(database.handle_, busy_timeout_ms);
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  return *this;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return last_error();
  return {};
}

Error Database::last_error() const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_) : SQLITE_NOMEM;
  return {class_of(code), fmt::format("the state file `{}` cannot be used: {}", path_, handle_ ? sqlite3_errmsg(handle_) : "out of memory"), {},
          std::string(help_for(code))};
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  note(sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &handle_, nullptr));
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::note(int code) {
  if (code != SQLITE_OK && sound_) sound_ = database_.last_error();
}

Statement& Statement::bind(std::string_view text) {
  if (sound_) note(sqlite3_bind_text(handle_, ++bound_, text.data() ? text.data() : "", static_cast<int>(text.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  if (sound_) note(sqlite3_bind_int64(handle_, ++bound_, number));
  return *this;
}

Statement& Statement::bind(double number) {
  if (sound_) note(sqlite3_bind_double(handle_, ++bound_, number));
  return *this;
}

Result<bool> Statement::next() {
  if (!sound_) return sound_.error();
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.last_error();
}

Result<void> Statement::run() {
  Result<bool> more = true;
  while (more && *more) more = next();
  if (!sound_) return sound_;
  sqlite3_reset(handle_);
  bound_ = 0;
  if (!more) return more.error();
  return {};
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))) : std::string();
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun.error();
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  auto done = database_->execute("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

Result<void> retry_while_locked(const std::function<Result<void>()>& action) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_timeout_ms);
  for (;;) {
    auto done = action();
    if (done || done.error().kind != ErrorClass::transient || std::chrono::steady_clock::now() > until) return done;
    std::this_thread::sleep_for(between_tries);
  }
}

}  // namespace bfl::store
