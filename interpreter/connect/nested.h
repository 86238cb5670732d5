// A connection whose transactions are parts of one that spans them: until it is begun, and after it has ended, it is the connection that it
// stands for.
//
// Within it a transaction is a savepoint, its commit gives the savepoint up, and a rollback goes back to it. What only another session could
// do is not done: there is none that would see what this one has changed.
#pragma once
#include "interpreter/connect/connector.h"

namespace bfl::connect {

class Nested final : public Connector {
 public:
  explicit Nested(Connector& inner) : inner_(inner) {}

  Result<void> begin_all();
  // As Connector::commit; after an error that leaves the outcome open the connection is the plain one again.
  Result<void> commit_all();
  void rollback_all();
  bool spans() const { return spans_; }

  std::string engine() const override { return inner_.engine(); }
  Result<Catalogue> catalogue() override { return inner_.catalogue(); }
  Result<std::int64_t> schema_version() override { return inner_.schema_version(); }
  Result<std::unique_ptr<Prepared>> prepare(const lower::Statement& statement, const eval::Context& context) override { return inner_.prepare(statement, context); }
  Result<std::unique_ptr<Prepared>> prepare(std::string_view sql) override { return inner_.prepare(sql); }
  Result<void> execute(std::string_view sql) override { return inner_.execute(sql); }
  Result<Description> describe(const lower::Statement& statement, const eval::Context& context, std::span<const std::string> called) override { return inner_.describe(statement, context, called); }
  Result<Value> decode(RawValue raw, const lower::Wire& wire) override { return inner_.decode(raw, wire); }
  Result<RawValue> encode(const Value& value, const lower::Wire& wire, std::string& arena) override { return inner_.encode(value, wire, arena); }
  Result<void> begin_read() override { return spans_ ? begin_part() : inner_.begin_read(); }
  Result<void> begin_write(WriteKind kind) override { return spans_ ? begin_part() : inner_.begin_write(kind); }
  Result<void> commit() override;
  void rollback() override;
  bool in_transaction() const override { return spans_ ? part_ : inner_.in_transaction(); }
  void observe(ChangeObserver observer, std::string_view table, std::vector<int> assigned) override { inner_.observe(std::move(observer), table, std::move(assigned)); }
  void stop_observing() override { inner_.stop_observing(); }
  void walks(std::int64_t rows) override { inner_.walks(spans_ ? 0 : rows); }  // another session would not see what this one has changed
  void label(const Label& label) override { inner_.label(label); }
  std::optional<std::int64_t> commits_of_others() override { return spans_ ? std::optional<std::int64_t>(0) : inner_.commits_of_others(); }
  bool has_sql() const override { return inner_.has_sql(); }
  Result<void> scan(const Table& table, std::span<const int> columns, const RowCallback& row) override { return inner_.scan(table, columns, row); }
  std::optional<std::string> content_digest() override { return inner_.content_digest(); }
  Result<std::unique_ptr<Connector>> another() override { return spans_ ? Result<std::unique_ptr<Connector>>(std::unique_ptr<Connector>()) : inner_.another(); }
  std::size_t rows_together() const override { return inner_.rows_together(); }
  void interrupt() override { inner_.interrupt(); }

 private:
  Result<void> begin_part();
  Connector& inner_;
  bool spans_ = false, part_ = false;
};

// Whether what is done there now is a part of one transaction, and nothing of it without the rest.
inline bool in_one_transaction(const Connector& connection) {
  const auto* nested = dynamic_cast<const Nested*>(&connection);
  return nested && nested->spans();
}

}  // namespace bfl::connect
