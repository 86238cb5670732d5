// A small RAII layer over sqlite3 for bfl's own state: a database, a statement with chained binds, a transaction that
// rolls back unless committed. Errors are Results; nothing throws.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "interpreter/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bfl::store {

class Database {
 public:
  Database() = default;
  static Result<Database> open(const std::string& path);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  Result<void> execute(const char* sql);
  Error error(std::string_view doing) const;
  sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(std::string_view text);   // copied
  Statement& bind(std::int64_t number);
  Statement& bind(double number);

  Result<bool> row();      // steps: true when there is a row
  Result<void> run();      // steps to the end and makes ready for the next binds
  std::string text(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  void reset();

 private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int next_ = 1;
};

class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  Result<void> begun() const;
  Result<void> commit();

 private:
  Database& database_;
  Result<void> begun_;
  bool open_ = false;
};

}  // namespace bfl::store
