#include "interpreter/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
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

// What the file holds; nothing: there is none, or it cannot be read.
std::optional<std::string> bytes_of(const std::string& path, std::size_t most = std::string::npos) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), [](std::FILE* open) { return open ? std::fclose(open) : 0; });
  if (!file) return std::nullopt;
  std::string bytes;
  char block[64 << 10];
  for (std::size_t count; bytes.size() < most && (count = std::fread(block, 1, sizeof block, file.get())) > 0;) bytes.append(block, count);
  if (std::ferror(file.get())) return std::nullopt;
  bytes.resize(std::min(bytes.size(), most));
  return bytes;
}

struct Files {
  std::string database, log;
};

// One state of both, while others write. Commits only add to the log; what was moved from it into the file was moved before, if the file is the same
// before and after; and the log was not begun anew meanwhile, if its head is the same (sqlite.org/walformat.html).
std::optional<Files> read_both(const std::string& path) {
  constexpr std::size_t head = 32;
  const std::string log = path + "-wal";
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_timeout_ms);
  for (;;) {
    auto first = bytes_of(path);
    if (!first) return std::nullopt;
    const std::string logged = bytes_of(log).value_or(""), begun = bytes_of(log, head).value_or("");
    if (bytes_of(path) == first && begun == logged.substr(0, head)) return Files{std::move(*first), logged};
    if (std::chrono::steady_clock::now() > until) return std::nullopt;
    std::this_thread::sleep_for(between_tries);
  }
}

bool put(const std::string& path, const std::string& bytes) {
  std::FILE* const file = std::fopen(path.c_str(), "wbe");
  const bool whole = file && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return file && std::fclose(file) == 0 && whole;
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

Result<void> Database::open_file(const std::string& file) {
  set_up_library();
  // No lock of its own: one connection belongs to one thread.
  if (sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr) != SQLITE_OK) return last_error();
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
  return {};
}

Result<Database> Database::open(const std::string& path) {
  Database database;
  database.path_ = path;
  auto opened = database.open_file(path);
  return opened ? Result<Database>(std::move(database)) : Result<Database>(opened.error());
}

// Whoever opens a database with a log makes files beside it, or takes no locks at all and may read what is half written.
Result<Database> Database::open_copy(const std::string& path) {
  const auto unread = [&](const char* why) {
    return Error{ErrorClass::transient, fmt::format("the state file `{}` cannot be read: {}", path, why), {}, "try again; another file is given with `--state PATH`"};
  };
  const auto files = read_both(path);
  if (!files) return unread("it may not be opened, or others write to it all the time");
  std::error_code failed;
  std::string folder = (std::filesystem::temp_directory_path(failed) / "bfl-state-XXXXXX").string();
  if (failed || !mkdtemp(folder.data())) return unread("no temporary folder can be made for a copy of it");
  Database database;
  database.path_ = path;
  const std::string copy = folder + "/state.db";
  Result<void> opened = put(copy, files->database) && (files->log.empty() || put(copy + "-wal", files->log)) ? database.open_file(copy) : Result<void>{unread("there is no room for a copy of it")};
  // For itself alone it needs no names any more once it is open.
  if (opened) opened = database.execute("PRAGMA locking_mode = EXCLUSIVE; SELECT count(*) FROM sqlite_schema; PRAGMA query_only = 1");
  std::filesystem::remove_all(folder, failed);
  return opened ? Result<Database>(std::move(database)) : Result<Database>(opened.error());
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
