// The PostgreSQL connector: statements, transactions, and the images that a change's own statement brings back.
//
// Not thread-safe but for interrupt(). Prepared statements must not outlive their connection.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/connect/postgres_images.h"
#include "interpreter/connect/postgres_rows.h"
#include "interpreter/connect/postgres_session.h"

namespace bfl::connect::postgres {

class Connection final : public Connector {
 public:
  Connection(const Library& library, const std::string& url, const OpenOptions& options) : session_(library, url, options), images_(library, url, options) {}

  std::string engine() const override { return "postgres"; }
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
  void rollback() override { session_.rollback(); }
  bool in_transaction() const override { return session_.in_transaction(); }
  void observe(ChangeObserver observer, std::string_view table, std::vector<int> assigned) override;
  void stop_observing() override {
    observer_ = nullptr;
    walked_ = 0;
  }
  void walks(std::int64_t rows) override { walked_ = rows; }
  void label(const Label& label) override {
    session_.label(label);
    images_.label(label);
  }
  Result<std::unique_ptr<Connector>> another() override;
  std::optional<std::int64_t> commits_of_others() override;
  std::size_t rows_together() const override { return 1'000; }
  void interrupt() override {
    session_.interrupt();
    images_.interrupt();
  }

  Session& session() { return session_; }
  bool observing() const { return static_cast<bool>(observer_); }
  std::int64_t walked() const { return walked_; }
  void changed(std::int64_t rows);  // that were found among those walked
  bool finds_most() const { return most_found_; }  // by the change before
  // Who reads the images of the next change while the server makes it; nobody where that is not worth a second session.
  ImageReader* beside();
  // A query of the connector's own, rows as raw values.
  Result<void> rows(const std::string& sql, const std::vector<Parameter>& parameters, const RowCallback& row);
  // Gives every row of a result; false when the callback has stopped it.
  Result<bool> show(const PGresult* result, const RowCallback& row);
  // The rows of a changing statement: images of rows of `table`, or of the one that is observed.
  Result<void> show_changes(const PGresult* result, lower::Shows shows, std::string_view table);
  // One by one; the last `beside` columns are no part of the image.
  Changes changes(const PGresult* result, std::size_t beside, lower::Shows shows, std::string_view table);

 private:
  Result<std::vector<Parameter>> constants(const lower::Statement& statement, const eval::Context& context);

  Session session_;
  ImageReader images_;
  bool alone_ = false;    // others are at work beside it
  bool most_found_ = false, changed_before_ = false;
  ChangeObserver observer_;
  std::string table_;
  std::vector<int> assigned_;
  bool writing_ = false;
  std::int64_t walked_ = 0;
  std::shared_ptr<std::atomic<std::int64_t>> own_commits_ = std::make_shared<std::atomic<std::int64_t>>(0);  // of transactions that wrote, of all `another()`
};

// Kind, storage and scale of a column from its type behind domains (`int4`, `_text`, `enum`, `other`); nullability is left alone.
void give_type(Column& column, const std::string& base, std::int64_t modifier);

}  // namespace bfl::connect::postgres
