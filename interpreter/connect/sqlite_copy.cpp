#include "interpreter/connect/sqlite_copy.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "interpreter/connect/sqlite_connection.h"
#include "interpreter/connect/sqlite_error.h"
#include "interpreter/store/sqlite.h"

namespace bfl::connect::sqlite {
namespace {

constexpr int patience_ms = 5'000, pause_ms = 20;

Result<Database> opened(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database handle(raw);
  if (code == SQLITE_OK) return handle;
  Error error = error_of(code, {});
  error.message = fmt::format("cannot open `{}`: {}", path, error.message);
  return error;
}

}  // namespace

Result<void> copy_database(const std::string& from, const std::string& to) {
  store::set_up_library();
  auto source = opened(from, SQLITE_OPEN_READONLY);
  if (!source) return source.error();
  auto target = opened(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!target) return target.error();
  sqlite3_backup* backup = sqlite3_backup_init(target->get(), "main", source->get(), "main");
  if (!backup) return error_of(sqlite3_extended_errcode(target->get()), {});
  int code = sqlite3_backup_step(backup, -1);  // all of it under one lock to read: a state that there was
  for (int waited = 0; (code == SQLITE_BUSY || code == SQLITE_LOCKED) && waited < patience_ms; waited += pause_ms) {
    sqlite3_sleep(pause_ms);
    code = sqlite3_backup_step(backup, -1);
  }
  const int ended = sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE && ended == SQLITE_OK) return {};
  Error error = error_of(code == SQLITE_DONE ? ended : code, {});
  error.message = fmt::format("copying `{}`: {}", from, error.message);
  return error;
}

}  // namespace bfl::connect::sqlite
