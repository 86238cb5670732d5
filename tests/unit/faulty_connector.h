// A real connector whose commits go wrong on request, and the steps that runs are tried with.
#pragma once
#include "tests/unit/job_fixture.h"

namespace bfl::test {

using connect::RawValue;


inline const std::string zero = "update zero of db.t { set n = 0 }\n";
inline const std::string bump = "update bump of db.t { set n = n + 1 once }\n";

// A connector whose n-th commit goes wrong in one of the ways in which commits go wrong.
struct Faulty final : connect::Connector {
  enum class Fault { none, lost_reply, lost_commit, busy_open, busy_rolled_back } fault = Fault::none;
  std::unique_ptr<connect::Connector> real;
  int at = 0, commits = 0;
  std::function<void()> before_fault;

  std::string engine() const override { return real->engine(); }
  Result<Catalogue> catalogue() override { return real->catalogue(); }
  Result<std::int64_t> schema_version() override { return real->schema_version(); }
  Result<std::unique_ptr<connect::Prepared>> prepare(const lower::Statement& statement, const eval::Context& context) override { return real->prepare(statement, context); }
  Result<std::unique_ptr<connect::Prepared>> prepare(std::string_view sql) override { return real->prepare(sql); }
  Result<void> execute(std::string_view sql) override { return real->execute(sql); }
  Result<Value> decode(RawValue raw, const lower::Wire& wire) override { return real->decode(raw, wire); }
  Result<RawValue> encode(const Value& value, const lower::Wire& wire, std::string& arena) override { return real->encode(value, wire, arena); }
  Result<void> begin_read() override { return real->begin_read(); }
  Result<void> begin_write(connect::WriteKind kind) override { return real->begin_write(kind); }
  Result<void> commit() override {
    if (++commits != at) return real->commit();
    if (before_fault) before_fault();
    switch (fault) {
      case Fault::none: break;
      case Fault::lost_reply:
        if (auto done = real->commit(); !done) return done;
        return Error{ErrorClass::unknown_commit, "the connection was lost"};
      case Fault::lost_commit: real->rollback(); return Error{ErrorClass::unknown_commit, "the connection was lost"};
      case Fault::busy_open: return Error{ErrorClass::transient, "the database is locked"};
      case Fault::busy_rolled_back: real->rollback(); return Error{ErrorClass::transient, "the database is locked"};
    }
    return real->commit();
  }
  void rollback() override { real->rollback(); }
  bool in_transaction() const override { return real->in_transaction(); }
  void observe(connect::ChangeObserver observer, std::string_view table, std::vector<int> assigned) override { real->observe(std::move(observer), table, std::move(assigned)); }
  void stop_observing() override { real->stop_observing(); }
  std::optional<std::int64_t> commits_of_others() override { return real->commits_of_others(); }
  void interrupt() override { real->interrupt(); }
};

inline Job::Wrap faulty(Faulty::Fault fault, int at, std::function<void()> before = {}) {
  return [=](std::unique_ptr<connect::Connector> real) {
    auto wrapped = std::make_unique<Faulty>();
    wrapped->fault = fault;
    wrapped->at = at;
    wrapped->real = std::move(real);
    wrapped->before_fault = before;
    return wrapped;
  };
}

}  // namespace bfl::test
