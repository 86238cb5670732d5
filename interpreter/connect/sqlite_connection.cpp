#include "interpreter/connect/sqlite_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "interpreter/connect/sqlite_error.h"
#include "interpreter/connect/sqlite_values.h"
#include "interpreter/connect/sqlite_watch.h"

namespace bfl::connect::sqlite {
namespace {

class Statement final : public Prepared {
 public:
  Statement(Connection& connection, StatementHandle statement, std::string sql, int fixed)
      : connection_(connection),
        statement_(std::move(statement)),
        sql_(std::move(sql)),
        fixed_(fixed),
        columns_(static_cast<std::size_t>(sqlite3_column_count(statement_.get()))) {}

  Result<std::int64_t> run(std::span<const Value> more) override {
    if (auto bound = bind_values(more); !bound) return bound.error();
    return run_bound();
  }
  Result<void> query(std::span<const Value> more, const RowCallback& row) override {
    if (auto bound = bind_values(more); !bound) return bound.error();
    return query_bound(row);
  }
  Result<std::int64_t> run_raw(std::span<const RawValue> more) override {
    if (auto bound = bind_raw(more); !bound) return bound.error();
    return run_bound();
  }
  Result<void> query_raw(std::span<const RawValue> more, const RowCallback& row) override {
    if (auto bound = bind_raw(more); !bound) return bound.error();
    return query_bound(row);
  }

 private:
  Result<void> bind_values(std::span<const Value> more) {
    std::string arena, problem;
    for (std::size_t i = 0; i < more.size(); ++i) {
      RawValue raw;
      if (!encode_into(more[i], lower::wire_of(Type{more[i].kind()}), arena, raw, problem))
        return Error{ErrorClass::data, problem, statement_detail(sql_)};
      if (int code = bind(statement_.get(), fixed_ + static_cast<int>(i) + 1, raw, true)) return connection_.failure(code, sql_);
    }
    return {};
  }
  Result<void> bind_raw(std::span<const RawValue> more) {
    // The caller's bytes live until the call returns, and every call resets the statement before it does.
    for (std::size_t i = 0; i < more.size(); ++i)
      if (int code = bind(statement_.get(), fixed_ + static_cast<int>(i) + 1, more[i], false)) return connection_.failure(code, sql_);
    return {};
  }
  Result<std::int64_t> run_bound() {
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(statement_.get());
    if (code != SQLITE_DONE) {
      Error error = connection_.failure(code, sql_);
      sqlite3_reset(statement_.get());
      return error;
    }
    const std::int64_t rows = sqlite3_stmt_readonly(statement_.get()) ? 0 : sqlite3_changes64(connection_.handle());
    sqlite3_reset(statement_.get());
    return rows;
  }
  Result<void> query_bound(const RowCallback& row) {
    // A callback may use this very statement's connection, but not the statement: its rows are in `columns_`.
    for (;;) {
      const int code = sqlite3_step(statement_.get());
      if (code == SQLITE_DONE) break;
      if (code != SQLITE_ROW) {
        Error error = connection_.failure(code, sql_);
        sqlite3_reset(statement_.get());
        return error;
      }
      for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i] = raw_of_column(statement_.get(), static_cast<int>(i));
      if (!row(columns_)) break;
    }
    sqlite3_reset(statement_.get());
    return {};
  }

  Connection& connection_;
  StatementHandle statement_;
  std::string sql_;
  int fixed_;  // parameters that are set once
  std::vector<RawValue> columns_;
};

}  // namespace

// SQLite's own busy handler cannot be told to give up: sqlite3_interrupt() does not reach a wait for a lock.
int wait_for_lock(void* self, int tries) {
  auto& connection = *static_cast<Connection*>(self);
  const unsigned interrupts = connection.interrupts_.load(std::memory_order_relaxed);
  if (tries == 0) connection.interrupts_seen_ = interrupts;
  if (interrupts != connection.interrupts_seen_) return 0;
  constexpr int pauses[] = {1, 2, 5, 10, 15, 20, 25};
  int waited = 0;
  for (int i = 0; i < tries; ++i) waited += pauses[std::min<std::size_t>(static_cast<std::size_t>(i), std::size(pauses) - 1)];
  if (waited >= connection.busy_timeout_ms_) return 0;
  std::this_thread::sleep_for(
      std::chrono::milliseconds(pauses[std::min<std::size_t>(static_cast<std::size_t>(tries), std::size(pauses) - 1)]));
  return 1;
}

// bfl_keep (lower/sql.h): without an observer, nothing but its value.
void keep(sqlite3_context* context, int count, sqlite3_value** arguments) {
  auto& connection = *static_cast<Connection*>(sqlite3_user_data(context));
  if (count < 2) return sqlite3_result_error_code(context, SQLITE_MISUSE);
  const RawValue value = raw_of(arguments[1]);
  if (connection.watcher_)
    connection.watcher_->keep(sqlite3_value_int(arguments[0]), value, std::span(arguments, static_cast<std::size_t>(count)).subspan(2));
  // Not sqlite3_result_value: of a text whose bytes were looked at, some columns would store a blob.
  set_result(context, value);
}

Connection::Connection(Database db, const OpenOptions& options)
    : db_(std::move(db)), read_only_(options.read_only), busy_timeout_ms_(options.busy_timeout_ms) {
  sqlite3_extended_result_codes(db_.get(), 1);
  sqlite3_busy_handler(db_.get(), wait_for_lock, this);
  // Never called ahead of its row, and by nothing but bfl's own statements.
  sqlite3_create_function_v2(db_.get(), std::string(lower::keep_function).c_str(), -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, this, keep,
                             nullptr, nullptr, nullptr);
}

Connection::~Connection() { watcher_.reset(); }

Error Connection::failure(int code, std::string_view sql) {
  if (reported_) {
    Error error = std::move(*reported_);
    reported_.reset();
    if (error.detail.empty()) error.detail = statement_detail(sql);
    return error;
  }
  if (interrupts_.load(std::memory_order_relaxed) != interrupts_seen_ && (code & 0xff) == SQLITE_BUSY)
    return error_of(SQLITE_INTERRUPT, sql);
  return sqlite3_errcode(db_.get()) == SQLITE_OK ? error_of(code, sql) : last_error(db_.get(), sql);
}

void Connection::report(Error error) {
  if (!reported_) reported_ = std::make_unique<Error>(std::move(error));  // the first is the cause
}

Result<StatementHandle> Connection::compile(std::string_view sql, unsigned flags) {
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), flags, &statement, &tail);
  StatementHandle handle(statement);
  if (code != SQLITE_OK) return failure(code, sql);
  if (!statement) return Error{ErrorClass::fatal, "the statement is empty", statement_detail(sql)};
  return handle;
}

Result<std::unique_ptr<Prepared>> Connection::prepare(std::string_view sql) {
  auto statement = compile(sql, SQLITE_PREPARE_PERSISTENT);
  if (!statement) return statement.error();
  return std::unique_ptr<Prepared>(std::make_unique<Statement>(*this, std::move(*statement), std::string(sql), 0));
}

Result<std::unique_ptr<Prepared>> Connection::prepare(const lower::Statement& lowered, const eval::Context& context) {
  const auto most_variables = static_cast<std::size_t>(sqlite3_limit(db_.get(), SQLITE_LIMIT_VARIABLE_NUMBER, -1));
  if (lowered.binds.size() + 64 > most_variables)  // 64: bounds and limits that follow
    return Error{ErrorClass::refused,
                 fmt::format("the statement needs {} constants, SQLite takes {}", lowered.binds.size(), most_variables),
                 statement_detail(lowered.text), "put long lists into a table and join it"};
  for (const lower::Fused& fused : lowered.functions)
    if (auto registered = register_function(fused, context); !registered) {
      Error error = registered.error();
      if (error.detail.empty()) error.detail = statement_detail(lowered.text);
      return error;
    }
  auto statement = compile(lowered.keeping.empty() ? lowered.text : lowered.keeping, SQLITE_PREPARE_PERSISTENT);
  if (!statement) return statement.error();
  std::string arena, problem;
  const Value now(context.clock);
  for (std::size_t i = 0; i < lowered.binds.size(); ++i) {
    RawValue raw;
    const bool clock = std::find(lowered.clocks.begin(), lowered.clocks.end(), i) != lowered.clocks.end();
    if (!encode_into(clock ? now : lowered.binds[i], lowered.bind_wires[i], arena, raw, problem))
      return Error{ErrorClass::data, problem, statement_detail(lowered.text)};
    if (int code = bind(statement->get(), static_cast<int>(i) + 1, raw, true)) return failure(code, lowered.text);
  }
  return std::unique_ptr<Prepared>(
      std::make_unique<Statement>(*this, std::move(*statement), lowered.text, static_cast<int>(lowered.binds.size())));
}

Result<void> Connection::execute(std::string_view sql) {
  const std::string text(sql);
  if (int code = sqlite3_exec(db_.get(), text.c_str(), nullptr, nullptr, nullptr)) return failure(code, sql);
  return {};
}

Result<std::int64_t> Connection::schema_version() {
  auto statement = compile("PRAGMA schema_version");
  if (!statement) return statement.error();
  if (int code = sqlite3_step(statement->get()); code != SQLITE_ROW) return failure(code, "PRAGMA schema_version");
  return sqlite3_column_int64(statement->get(), 0);
}

Result<Value> Connection::decode(RawValue raw, const lower::Wire& wire) {
  Value value;
  std::string problem;
  if (!decode_into(raw, wire, value, problem)) return Error{ErrorClass::data, std::move(problem)};
  return value;
}

Result<RawValue> Connection::encode(const Value& value, const lower::Wire& wire, std::string& arena) {
  RawValue raw;
  std::string problem;
  if (!encode_into(value, wire, arena, raw, problem)) return Error{ErrorClass::data, std::move(problem)};
  return raw;
}

Result<void> Connection::same_file() {
  int moved = 0;
  const int code = sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (code == SQLITE_OK && moved) return error_of(SQLITE_READONLY_DBMOVED, {});
  return {};
}

Result<void> Connection::begin_read() {
  if (auto begun = execute("BEGIN"); !begun) return begun.error();
  // BEGIN alone takes no snapshot: the first read does.
  if (auto version = schema_version(); !version) {
    rollback();
    return version.error();
  }
  return {};
}

Result<void> Connection::begin_write(WriteKind) {
  if (read_only_) return error_of(SQLITE_READONLY, {});
  if (auto same = same_file(); !same) return same.error();
  return execute("BEGIN IMMEDIATE");
}

Result<void> Connection::commit() {
  if (auto same = same_file(); !same) {
    rollback();
    return same.error();
  }
  auto committed = execute("COMMIT");
  if (committed) return {};
  Error error = committed.error();
  if (!in_transaction()) {
    error.kind = ErrorClass::unknown_commit;
    return error;
  }
  if (error.kind == ErrorClass::transient) return error;  // still open: COMMIT may be sent again
  rollback();
  return error;
}

void Connection::rollback() {
  if (in_transaction()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  reported_.reset();
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

void Connection::observe(ChangeObserver observer, std::string_view table, std::vector<int> assigned) {
  watcher_.reset();
  watcher_ = std::make_unique<Watcher>(db_.get(), std::move(observer), table, std::move(assigned));
}

void Connection::stop_observing() { watcher_.reset(); }

std::optional<std::int64_t> Connection::commits_of_others() {
  auto statement = compile("PRAGMA data_version");
  if (!statement || sqlite3_step(statement->get()) != SQLITE_ROW) return std::nullopt;
  return sqlite3_column_int64(statement->get(), 0);
}

void Connection::interrupt() {
  interrupts_.fetch_add(1, std::memory_order_relaxed);
  sqlite3_interrupt(db_.get());
}

}  // namespace bfl::connect::sqlite
