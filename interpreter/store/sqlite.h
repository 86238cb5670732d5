// A small RAII layer over sqlite3 for bfl's own state file: a database, a statement with chained binds, a transaction that
// rolls back unless it is committed. Every failure is a Result that names the file and says what to do; nothing throws.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "interpreter/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bfl::store {

// Settings of the library as a whole, for every connection of the process; to be called before the first is opened.
void set_up_library();

class Database {
 public:
  // An existing file; it waits up to five seconds for other processes.
  static Result<Database> open(const std::string& path);
  // What it holds at one moment, whoever writes to it: nothing is locked, written, or made beside it. Not of a file that this process has open: its
  // locks would be lost.
  static Result<Database> open_copy(const std::string& path);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  Result<void> execute(const char* sql);  // one statement or several
  Error last_error() const;
  const std::string& path() const { return path_; }
  sqlite3* handle() const { return handle_; }

 private:
  Database() = default;
  Result<void> open_file(const std::string& file);
  sqlite3* handle_ = nullptr;
  std::string path_;
};

// A statement that cannot be prepared, or a value that cannot be bound, is reported by the next `next` or `run`.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(std::string_view text);  // values in the order of the question marks; copied
  Statement& bind(std::int64_t number);
  Statement& bind(double number);

  Result<bool> next();  // true: there is a row, to be read by column
  Result<void> run();   // to the end, and ready for the next values
  std::string text(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;

 private:
  void note(int code);
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int bound_ = 0;
  Result<void> sound_;
};

// Takes the write lock at once, so that no statement within can fail for want of it.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // none: committed, or moved away
};

// Does it again while the file is locked: for the few statements that do not wait by themselves.
Result<void> retry_while_locked(const std::function<Result<void>()>& action);

}  // namespace bfl::store
