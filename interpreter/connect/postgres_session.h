// One session with the server: how it is begun, and one statement after the other.
//
// Nothing is kept in the session that a pooler could lose between two transactions: statements have no names, and every
// transaction sets what it rests on by itself. Behind a pooler nothing is set for the session, which is somebody else's next:
// a statement outside of a transaction then gets one of its own.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/connect/postgres_library.h"
#include "interpreter/connect/postgres_values.h"

namespace bfl::connect::postgres {

struct ClearResult {
  const Library* library = nullptr;
  void operator()(PGresult* result) const { library->PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

class Session {
 public:
  // `url` may hold a password: no message ever shows it.
  Session(const Library& library, std::string url, const OpenOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<void> connect();
  // Connects again when the connection is gone; outside of transactions only.
  Result<void> ensure();
  bool broken() const;

  Result<ResultHandle> execute(const std::string& sql);  // several statements, no parameters
  Result<ResultHandle> execute(const std::string& sql, const std::vector<Parameter>& parameters);
  // The same, and `meanwhile` is done while the server works on it; when that fails, the statement is cancelled.
  Result<ResultHandle> execute(const std::string& sql, const std::vector<Parameter>& parameters, const std::function<Result<void>()>& meanwhile);
  // One statement for each set of parameters, in their order and in one go; the statement has no name and ends with the next.
  Result<void> execute_each(const std::string& sql, const std::vector<std::vector<Parameter>>& sets,
                            const std::function<Result<void>(std::size_t set, const PGresult*)>& show);
  Result<void> commit();
  void rollback();
  bool in_transaction() const { return open_; }
  Result<void> begin(const char* how);  // `BEGIN …`; what a transaction rests on is set behind it
  void interrupt();
  void label(const Label& label) { label_ = label; }
  void forget_interrupt() { interrupted_.store(false); }
  bool interrupted() const { return interrupted_.load(); }

  const Library& library() const { return library_; }
  int server_version() const { return version_; }
  bool read_only() const { return read_only_; }  // a replica, or a role or database whose transactions are: whatever is asked for
  bool pooled() const { return pooled_; }
  const std::string& url() const { return url_; }
  const std::string& identity() const { return identity_; }  // of the server and its database
  const OpenOptions& options() const { return options_; }

 private:
  std::string patience() const;
  Result<void> same_server(std::string identity);
  Error refused(const PGresult* result, std::string_view sql);
  Error lost(std::string_view sql);
  std::string without_secrets(std::string text) const;
  std::string last_words() const;
  Result<ResultHandle> checked(PGresult* raw, std::string_view sql);
  void close();
  class Pipeline;
  // As it is sent. No statement has a name that would tie it to its text.
  std::string labelled(const std::string& sql) const { return open_ || settling_ ? sql + label_.comment : sql; }
  Result<ResultHandle> settled(const std::function<Result<ResultHandle>()>& statement);

  const Library& library_;
  std::string url_, settings_, search_path_, identity_;
  Label label_{};
  std::vector<std::string> secrets_;
  OpenOptions options_;
  PGconn* connection_ = nullptr;
  std::atomic<PGcancel*> cancel_{nullptr};
  std::atomic<bool> busy_{false}, interrupted_{false};
  std::atomic<bool> asked_to_stop_{false};  // for good: a server that is gone is no longer waited for
  bool given_up_ = false;  // the server was waited for once, in vain: from then on one try each time
  bool open_ = false;  // a transaction, as far as this side knows
  bool read_only_ = false, pooled_ = false, settling_ = false;
  int version_ = 0;
};

}  // namespace bfl::connect::postgres
