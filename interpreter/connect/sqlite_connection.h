// The SQLite connector: one connection, its prepared statements, the functions it has registered, and the rows it watches.
//
// Not thread-safe but for interrupt(). Prepared statements must not outlive their connection.
#pragma once
#include <sqlite3.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::connect::sqlite {

class Watcher;
struct Registered;  // a fused function, see sqlite_functions.cpp

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, Finalize>;

class Connection final : public Connector {
 public:
  explicit Connection(Database db, const OpenOptions& options);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string engine() const override { return "sqlite"; }
  Result<Catalogue> catalogue() override;
  Result<std::int64_t> schema_version() override;
  Result<std::unique_ptr<Prepared>> prepare(const lower::Statement& statement, const eval::Context& context) override;
  Result<std::unique_ptr<Prepared>> prepare(std::string_view sql) override;
  Result<void> execute(std::string_view sql) override;
  Result<Description> describe(const lower::Statement& statement, const eval::Context& context, std::span<const std::string> called) override;
  Result<Value> decode(RawValue raw, const lower::Wire& wire) override;
  Result<RawValue> encode(const Value& value, const lower::Wire& wire, std::string& arena) override;
  Result<void> begin_read() override;
  Result<void> begin_write(WriteKind kind) override;
  Result<void> commit() override;
  void rollback() override;
  bool in_transaction() const override;
  void observe(ChangeObserver observer, std::string_view table, std::vector<int> assigned) override;
  void stop_observing() override;
  std::optional<std::int64_t> commits_of_others() override;
  void interrupt() override;

  sqlite3* handle() const { return db_.get(); }
  // The error of the call that has just failed: what a fused function reported, else what SQLite says.
  Error failure(int code, std::string_view sql);
  // Called by fused functions: the message that the failing statement will return.
  void report(Error error);
  // A statement of the connector's own; null on an error.
  Result<StatementHandle> compile(std::string_view sql, unsigned flags = 0);

 private:
  Result<void> register_function(const lower::Fused& fused, const eval::Context& context);
  Result<void> same_file();  // HAS_MOVED

  Database db_;
  bool read_only_;
  int busy_timeout_ms_;
  std::unique_ptr<Error> reported_;
  std::map<std::string, Timestamp> functions_;  // registered names, each with the clock it was compiled under
  std::unique_ptr<Watcher> watcher_;
  std::atomic<unsigned> interrupts_{0};
  unsigned interrupts_seen_ = 0;  // by the busy handler, when a wait begins
  friend int wait_for_lock(void* connection, int tries);
  friend void keep(sqlite3_context* context, int count, sqlite3_value** arguments);
};

}  // namespace bfl::connect::sqlite
