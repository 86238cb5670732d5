#include "interpreter/connect/postgres_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "interpreter/connect/postgres_address.h"
#include "interpreter/connect/postgres_error.h"
#include "interpreter/connect/postgres_refusal.h"

namespace bfl::connect::postgres {
namespace {

constexpr int oldest_server = 140'000;
constexpr std::chrono::seconds reconnect_patience{30}, quick_answer{5};

std::string shortened(std::string_view sql) {
  constexpr std::size_t most = 2'000;
  if (sql.size() <= most) return std::string(sql);
  return fmt::format("{} … {}", sql.substr(0, most / 2), sql.substr(sql.size() - most / 2));
}


std::string_view field(const Library& library, const PGresult* result, int code) {
  const char* text = library.PQresultErrorField(result, code);
  return text ? std::string_view(text) : std::string_view();
}

}  // namespace

Session::Session(const Library& library, std::string url, const OpenOptions& options)
    : library_(library), url_(std::move(url)), options_(options) {}

Session::~Session() { close(); }

void Session::close() {
  if (PGcancel* cancel = cancel_.exchange(nullptr)) library_.PQfreeCancel(cancel);
  if (connection_) library_.PQfinish(connection_);
  connection_ = nullptr;
  open_ = false;
}

std::string Session::without_secrets(std::string text) const {
  for (const std::string& secret : secrets_)
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) text.replace(at, secret.size(), "***");
  return text;
}

Result<void> Session::connect() {
  close();
  const auto words = words_of(url_);
  if (!words)
    return Error{ErrorClass::fatal, "the address of the database cannot be read", {},
                 "write `postgres://USER@HOST:PORT/DATABASE`, or libpq's keywords: `host=HOST dbname=DATABASE`"};
  std::string host;
  secrets_.clear();
  for (const auto& [name, value] : *words) {
    if (value.empty()) continue;
    if (name == "password" || name == "sslpassword") secrets_.emplace_back(value);
    if (name == "host" || name == "hostaddr") host = value;
  }

  // What comes later wins: the first three can be said otherwise in the address.
  const char* names[] = {"connect_timeout", "keepalives_idle", "tcp_user_timeout", "dbname", "client_encoding", "fallback_application_name",
                         nullptr};
  const char* values[] = {"10", "30", "60000", url_.c_str(), "UTF8", "bfl", nullptr};
  const auto since = std::chrono::steady_clock::now();
  connection_ = library_.PQconnectdbParams(names, values, 1);
  if (!connection_ || library_.PQstatus(connection_) != CONNECTION_OK) {
    std::string message = connection_ ? without_secrets(library_.PQerrorMessage(connection_)) : "out of memory";
    std::replace(message.begin(), message.end(), '\n', ' ');
    close();
    Error error{ErrorClass::fatal, "cannot connect to the PostgreSQL server", worded(message), "check the address, that the server runs and that it lets this user in"};
    if (std::chrono::steady_clock::now() - since > quick_answer) return error;  // nobody answers
    const auto [state, over] = refusal_of(library_, names, values);
    if (over) error.kind = ErrorClass::transient;
    if (state.empty()) return error;
    // What may pass by itself, or needs a right; of nothing else is a class of use before there is a connection.
    const ErrorClass kind = class_of(state);
    if (kind == ErrorClass::transient || kind == ErrorClass::permission) error.kind = kind;
    error.detail += fmt::format(" (SQLSTATE {})", state);
    if (state == "53300") error.help = "the server has no room for one more session: end some, raise `max_connections`, or run again later";
    else if (kind == ErrorClass::transient) error.help = "run again when the server is ready";
    return error;
  }
  library_.PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  cancel_.store(library_.PQgetCancel(connection_));
  version_ = library_.PQserverVersion(connection_);
  if (version_ < oldest_server)
    return Error{ErrorClass::fatal, fmt::format("the server is PostgreSQL {}", version_ / 10'000), {}, "bfl needs PostgreSQL 14 or newer"};

  pooled_ = false;
  auto facts = execute("SELECT current_setting('search_path'), current_setting('server_encoding'), pg_is_in_recovery()::text,"
                       " (SELECT system_identifier FROM pg_control_system()) || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database()),"
                       " current_setting('transaction_read_only'), pg_backend_pid()::text", {});
  if (!facts) return facts.error();
  read_only_ = std::string_view(library_.PQgetvalue(facts->get(), 0, 2)) == "true" || std::string_view(library_.PQgetvalue(facts->get(), 0, 4)) == "on";
  const bool pooled = library_.PQgetvalue(facts->get(), 0, 5) != std::to_string(library_.PQbackendPID(connection_));
  if (const std::string_view encoding = library_.PQgetvalue(facts->get(), 0, 1); encoding != "UTF8")
    return Error{ErrorClass::fatal, fmt::format("the encoding of the database is {}", encoding), {}, "bfl needs a database in UTF8"};
  if (auto same = same_server(library_.PQgetvalue(facts->get(), 0, 3)); !same) return same;
  if (!options_.read_only && std::string_view(library_.PQgetvalue(facts->get(), 0, 2)) == "true") {
    close();
    return Error{ErrorClass::permission, "the PostgreSQL server is a standby: it takes no writes", {}, "connect to the primary server"};
  }
  if (search_path_.empty()) search_path_ = library_.PQgetvalue(facts->get(), 0, 0);
  // Forms and places that the meaning of a statement hangs on, and limits that keep others from waiting for a run that hangs.
  settings_ = fmt::format(
      "SET {{0}} search_path = {};SET {{0}} timezone = 'UTC';SET {{0}} datestyle = 'ISO';SET {{0}} intervalstyle = 'postgres';"
      "SET {{0}} bytea_output = 'hex';SET {{0}} extra_float_digits = 1;SET {{0}} client_encoding = 'UTF8';SET {{0}} row_security = off;"
      "SET {{0}} lock_timeout = {};SET {{0}} jit = off;SET {{0}} parallel_setup_cost = 10",
      search_path_.empty() ? "''" : search_path_, options_.busy_timeout_ms);
  pooled_ = pooled;
  if (pooled_) return {};
  std::string session = fmt::format(fmt::runtime(settings_), "SESSION");
  if (options_.read_only) session += ";SET SESSION default_transaction_read_only = on";
  session += patience();
  if (auto set = execute(session); !set) return set.error();
  return {};
}

// Each side waits as long as the address says for a sign of the other: a server that waited two hours, as it does by itself, would
// keep the locks of a run that the network has swallowed.
std::string Session::patience() const {
  std::string settings;
  PQconninfoOption* all = library_.PQconninfo(connection_);
  for (const PQconninfoOption* option = all; option && option->keyword; ++option) {
    const std::string_view name = option->keyword, value = option->val ? option->val : "";
    if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) continue;
    if (name == "keepalives_idle" || name == "keepalives_interval" || name == "keepalives_count") settings += fmt::format(";SET SESSION tcp_{} = {}", name, value);
    if (name == "tcp_user_timeout") settings += fmt::format(";SET SESSION {} = {}", name, value);
  }
  library_.PQconninfoFree(all);
  return settings;
}

// Behind one address may stand another server after a while: a standby, a copy, a fresh one. What was done and seen so far holds
// for the first alone.
Result<void> Session::same_server(std::string identity) {
  if (identity_.empty()) identity_ = identity;
  if (identity_ == identity) return {};
  close();
  return Error{ErrorClass::refused, "the connection was lost, and the same address now leads to another PostgreSQL server or database",
               fmt::format("system identifier and database number {}, before {}", identity, identity_),
               "see what became of the first one, and run again against that which is to be corrected"};
}

// Behind a pooler each transaction may meet another session, with settings of its own.
Result<ResultHandle> Session::settled(const std::function<Result<ResultHandle>()>& statement) {
  if (!pooled_ || open_ || settling_) return statement();
  if (auto begun = begin(options_.read_only ? "READ ONLY" : "READ WRITE"); !begun) return begun.error();
  auto result = statement();
  if (!result) {
    rollback();
    return result;
  }
  if (auto committed = commit(); !committed) return committed.error();
  return result;
}

bool Session::broken() const { return !connection_ || library_.PQstatus(connection_) != CONNECTION_OK; }

Result<void> Session::ensure() {
  if (!broken()) return {};
  open_ = false;
  const auto since = std::chrono::steady_clock::now();
  for (;;) {
    auto connected = connect();
    if (connected) given_up_ = false;
    if (connected || connected.error().kind == ErrorClass::refused || connected.error().kind == ErrorClass::permission) return connected;
    given_up_ = given_up_ || std::chrono::steady_clock::now() - since >= reconnect_patience || asked_to_stop_.load();
    if (given_up_)
      return Error{ErrorClass::transient, "the connection to the PostgreSQL server is gone and cannot be made anew", connected.error().detail,
                   "run again when the server is back: the next run goes on behind the last committed chunk"};
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

// What libpq says of a connection that has ended, on one line.
std::string Session::last_words() const {
  std::string message = worded(connection_ ? without_secrets(library_.PQerrorMessage(connection_)) : "");
  message.resize(std::min(message.size(), message.find('\n')));
  return message;
}

Error Session::lost(std::string_view sql) {
  open_ = false;
  return {ErrorClass::transient, "the connection to the PostgreSQL server was lost", last_words() + "\nin " + shortened(sql), {}};
}

Error Session::refused(const PGresult* result, std::string_view sql) {
  const std::string_view state = field(library_, result, PG_DIAG_SQLSTATE), severity = field(library_, result, PG_DIAG_SEVERITY_NONLOCALIZED),
                         primary = field(library_, result, PG_DIAG_MESSAGE_PRIMARY), detail = field(library_, result, PG_DIAG_MESSAGE_DETAIL),
                         hint = field(library_, result, PG_DIAG_MESSAGE_HINT);
  if (severity == "FATAL" || severity == "PANIC") open_ = false;
  Error error{class_of(state), worded(without_secrets(std::string(primary)))};
  if (state == "57014" && interrupted_.load()) error.kind = ErrorClass::interrupted;
  // What a statement of bfl's raises by itself comes as a text that is no number; see lower/postgres.
  constexpr std::string_view mark = "\"bfl: ";
  if (const auto at = error.message.find(mark); state == "22P02" && at != std::string::npos) {
    error.message = error.message.substr(at + mark.size(), error.message.size() - at - mark.size() - 1);
    error.detail = shortened(sql);
    return error;
  }
  if (!detail.empty()) error.detail = without_secrets(worded(detail)) + "\n";
  error.detail += fmt::format("SQLSTATE {} in {}", state, shortened(sql));
  error.help = without_secrets(worded(hint));
  if (state == "42501" && primary.find("row-level security") != std::string_view::npos)
    error.help = "a policy hides rows of the table from this user: run as a role that sees all of them (BYPASSRLS or the owner)";
  else if (state == "42501" && error.help.empty()) error.help = "grant the right, or connect as a role that has it";
  else if (state == "25006") error.help = "connect to the primary server: this one takes no writes";
  else if (error.help.empty()) error.help = help_with(state);
  return error;
}

Result<ResultHandle> Session::checked(PGresult* raw, std::string_view sql) {
  ResultHandle result(raw, ClearResult{&library_});
  if (!raw) return lost(sql);
  const ExecStatusType status = library_.PQresultStatus(raw);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return result;
  if (field(library_, raw, PG_DIAG_SQLSTATE).empty()) return lost(sql);
  return refused(raw, sql);
}

Result<ResultHandle> Session::execute(const std::string& sql) {
  return settled([&]() -> Result<ResultHandle> {
    if (!connection_) return lost(sql);
    busy_.store(true);
    PGresult* raw = library_.PQexec(connection_, labelled(sql).c_str());
    busy_.store(false);
    return checked(raw, sql);
  });
}

namespace {

struct Sent {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;

  explicit Sent(const std::vector<Parameter>& parameters) {
    for (const Parameter& parameter : parameters) {
      types.push_back(parameter.type);
      values.push_back(parameter.null ? nullptr : parameter.bytes.c_str());
      lengths.push_back(static_cast<int>(parameter.bytes.size()));
      formats.push_back(parameter.binary ? 1 : 0);
    }
  }
  int count() const { return static_cast<int>(types.size()); }
};

}  // namespace

Result<ResultHandle> Session::execute(const std::string& sql, const std::vector<Parameter>& parameters, const std::function<Result<void>()>& meanwhile) {
  if (!connection_) return lost(sql);
  const Sent sent(parameters);
  busy_.store(true);
  if (library_.PQsendQueryParams(connection_, labelled(sql).c_str(), sent.count(), sent.types.data(), sent.values.data(), sent.lengths.data(),
                                 sent.formats.data(), 1) != 1) {
    busy_.store(false);
    return lost(sql);
  }
  const auto done = meanwhile();
  if (!done) {
    char ignored[256];
    if (PGcancel* cancel = cancel_.load()) library_.PQcancel(cancel, ignored, sizeof ignored);
  }
  PGresult* raw = library_.PQgetResult(connection_);
  while (PGresult* rest = library_.PQgetResult(connection_)) library_.PQclear(rest);  // ready for the next statement
  busy_.store(false);
  ResultHandle result(raw, ClearResult{&library_});
  if (!done) return done.error();
  return checked(result.release(), sql);
}

// Statements sent one behind the other. Whatever happens, the connection is read to the end and ready for the next one.
class Session::Pipeline {
 public:
  explicit Pipeline(Session& session) : begun(session.library_.PQenterPipelineMode(session.connection_) == 1), session_(session) { session.busy_.store(true); }
  ~Pipeline() {
    const Library& library = session_.library_;
    while (library.PQstatus(session_.connection_) == CONNECTION_OK && library.PQexitPipelineMode(session_.connection_) != 1)
      if (PGresult* rest = library.PQgetResult(session_.connection_)) library.PQclear(rest);
    session_.busy_.store(false);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  Result<ResultHandle> next(const std::string& sql) {
    const Library& library = session_.library_;
    auto result = session_.checked(library.PQgetResult(session_.connection_), sql);
    if (result)
      if (PGresult* none = library.PQgetResult(session_.connection_)) library.PQclear(none);  // the end of this one
    return result;
  }
  // What is still under way is of no use.
  void cancel() {
    char ignored[256];
    if (PGcancel* cancel = session_.cancel_.load()) session_.library_.PQcancel(cancel, ignored, sizeof ignored);
  }
  const bool begun;

 private:
  Session& session_;
};

Result<void> Session::execute_each(const std::string& sql, const std::vector<std::vector<Parameter>>& sets,
                                   const std::function<Result<void>(std::size_t set, const PGresult*)>& show) {
  if (sets.empty()) return {};
  if (!connection_) return lost(sql);
  Pipeline pipeline(*this);
  const Sent types(sets.front());
  bool sent = pipeline.begun && library_.PQsendPrepare(connection_, "", labelled(sql).c_str(), types.count(), types.types.data()) == 1;
  for (std::size_t i = 0; i < sets.size() && sent; ++i) {
    const Sent one(sets[i]);
    sent = library_.PQsendQueryPrepared(connection_, "", one.count(), one.values.data(), one.lengths.data(), one.formats.data(), 1) == 1;
  }
  if (!sent || library_.PQpipelineSync(connection_) != 1) return lost(sql);
  if (auto prepared = pipeline.next(sql); !prepared) return prepared.error();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    auto result = pipeline.next(sql);
    if (!result) return result.error();
    if (auto shown = show(i, result->get()); !shown) {
      pipeline.cancel();
      return shown;
    }
  }
  return {};
}

Result<ResultHandle> Session::execute(const std::string& sql, const std::vector<Parameter>& parameters) {
  return settled([&]() -> Result<ResultHandle> {
    if (!connection_) return lost(sql);
    const Sent sent(parameters);
    busy_.store(true);
    PGresult* raw = library_.PQexecParams(connection_, labelled(sql).c_str(), sent.count(), sent.types.data(), sent.values.data(), sent.lengths.data(),
                                          sent.formats.data(), 1);
    busy_.store(false);
    return checked(raw, sql);
  });
}

Result<void> Session::begin(const char* how) {
  if (auto ready = ensure(); !ready) return ready;
  settling_ = true;
  struct End {
    bool& settling;
    ~End() { settling = false; }
  } end{settling_};
  auto begun = execute(fmt::format("BEGIN {};", how) + fmt::format(fmt::runtime(settings_), "LOCAL") +
                       ";SET LOCAL client_connection_check_interval = '10s'" +
                       ";SET LOCAL synchronous_commit = on;SET LOCAL idle_in_transaction_session_timeout = '5min'" +
                       (label_.session.empty() ? "" : fmt::format(";SET LOCAL application_name = '{}'", label_.session)));
  if (!begun) {
    if (!broken()) (void)execute("ROLLBACK");
    return begun.error();
  }
  open_ = true;
  return {};
}

Result<void> Session::commit() {
  if (!connection_) return lost("COMMIT");
  PGresult* raw = library_.PQexec(connection_, labelled("COMMIT").c_str());
  ResultHandle result(raw, ClearResult{&library_});
  open_ = false;
  const auto unknown = [&](std::string detail) {
    return Error{ErrorClass::unknown_commit, "whether the transaction was committed is not known: the connection was lost meanwhile",
                 std::move(detail),
                 "run again: the next run sees whether it was, and goes on"};
  };
  if (!raw) return unknown("");
  if (library_.PQresultStatus(raw) == PGRES_COMMAND_OK) {
    if (std::string_view(library_.PQcmdStatus(raw)) == "COMMIT") return {};
    return Error{ErrorClass::transient, "the server rolled the transaction back instead of committing it"};
  }
  const std::string_view state = field(library_, raw, PG_DIAG_SQLSTATE), severity = field(library_, raw, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (leaves_commit_open(state, severity)) return unknown(last_words());
  return refused(raw, "COMMIT");
}

void Session::rollback() {
  if (open_ && !broken()) (void)execute("ROLLBACK");
  open_ = false;
}

void Session::interrupt() {
  interrupted_.store(true);
  asked_to_stop_.store(true);
  char ignored[256];
  PGcancel* cancel = cancel_.load();
  if (busy_.load() && cancel) library_.PQcancel(cancel, ignored, sizeof ignored);
}

}  // namespace bfl::connect::postgres
