// A connection to a database, behind one interface: catalogue, reads, and a write transaction that shows what it changed.
//
// bfl's own tables in the target (job, step, lane, ledger, …) are used through the same verbs by ledger/. A connector never
// sees a script, a program's steps or a plan. Every value is bound.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/base/value.h"
#include "interpreter/eval/evaluate.h"
#include "interpreter/lower/sql.h"

namespace bfl::connect {

// A value as the engine stores it, byte for byte: what images are made of and compared by, never by SQL's `=`.
struct RawValue {
  enum class Class : std::uint8_t { null, integer, real, text, blob } kind = Class::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes{};   // text, blob: valid until the callback returns
  friend bool operator==(const RawValue&, const RawValue&);  // reals by bit pattern
};

enum class ChangeKind : std::uint8_t { update, insert, remove };

// One row changed inside the current transaction. Values are valid until the callback returns.
struct RowChange {
  ChangeKind kind{};
  std::string_view table;                 // as the catalogue spells it
  std::span<const RawValue> before;       // all columns in table order; empty for inserts
  std::span<const RawValue> after;        // all columns; empty for deletes. For updates of the statement itself only the
                                          // columns in `changed` are filled
  std::span<const int> changed;           // columns whose value differs
  int depth = 0;                          // 0: the statement itself; more: a trigger or cascade
};
using ChangeObserver = std::function<void(const RowChange&)>;

using RawRow = std::span<const RawValue>;
using RowCallback = std::function<bool(RawRow)>;   // false stops the read

// A prepared statement; prepared once, run many times. Binds of lower::Statement are already set; `run` and `query` set
// the later ones by the statement's convention.
class Prepared {
 public:
  virtual ~Prepared() = default;
  // Rows changed. Less than 0: more than can be shown at a time (see walks()), and nothing was changed.
  virtual Result<std::int64_t> run(std::span<const Value> more = {}) = 0;
  virtual Result<void> query(std::span<const Value> more, const RowCallback& row) = 0;
  // Raw parameters: for bfl's own tables and for keys and images that go back byte for byte.
  virtual Result<std::int64_t> run_raw(std::span<const RawValue> more) = 0;
  virtual Result<void> query_raw(std::span<const RawValue> more, const RowCallback& row) = 0;

  // The same for many sets of parameters, one after another in their order; what has to cross a wire does so together.
  using Parameters = std::vector<RawValue>;
  using EachRow = std::function<void(std::size_t set, RawRow row)>;
  virtual Result<void> query_each(std::span<const Parameters> sets, const EachRow& row);
  // `before` each set, then the observer of what it changed, then `done` with the number of rows.
  using EachBefore = std::function<void(std::size_t set)>;
  using EachDone = std::function<void(std::size_t set, std::int64_t changed)>;
  virtual Result<void> run_each(std::span<const Parameters> sets, const EachBefore& before, const EachDone& done);
};

// What a write transaction is for. `rows`: a chunk of the user's rows, in one snapshot where the engine has them. `own`:
// bfl's own tables, waiting for whoever holds a row of them.
enum class WriteKind : std::uint8_t { rows, own };

// What a statement would give and touch, found out without running it.
struct Description {
  struct Use {
    struct Name { std::string schema, table; };
    std::vector<Name> names;              // as the database has them: the table, then those that it is a part of
    std::vector<std::string> columns{};   // where the engine tells
  };
  std::vector<Column> columns;            // of the result; of a type that is not known the kind is null
  std::vector<Use> reads, writes;
  std::vector<std::string> unstable{};    // functions of the user's own that say of themselves that they may change their answer
};

// For those who look at the server. Neither is read by anything.
struct Label {
  std::string session{};                  // up to 63 bytes; empty: as the session is called
  std::string comment{};                  // behind each statement: `/*step='fix'*/`
};

class Connector {
 public:
  virtual ~Connector() = default;
  virtual std::string engine() const = 0;                                // "sqlite", "postgres", "csv"
  virtual Result<Catalogue> catalogue() = 0;
  virtual Result<std::int64_t> schema_version() = 0;                     // cheap; changes whenever the schema does

  virtual Result<std::unique_ptr<Prepared>> prepare(const lower::Statement& statement, const eval::Context& context) = 0;
  virtual Result<std::unique_ptr<Prepared>> prepare(std::string_view sql) = 0;  // bfl's own tables
  virtual Result<void> execute(std::string_view sql) = 0;                // bfl's own set-up

  // Of a statement that shows anything but rows only what it touches is told. `called`: names before brackets in its text. An error of class data or fatal when the database does not take it.
  virtual Result<Description> describe(const lower::Statement& statement, const eval::Context& context, std::span<const std::string> called);

  virtual Result<Value> decode(RawValue raw, const lower::Wire& wire) = 0;
  // The value as it would be stored; bytes live in `arena` until the next call.
  virtual Result<RawValue> encode(const Value& value, const lower::Wire& wire, std::string& arena) = 0;

  // One read snapshot for several queries.
  virtual Result<void> begin_read() = 0;
  // One write transaction, durable at commit. Checks that the file is still the one that was opened.
  virtual Result<void> begin_write(WriteKind kind = WriteKind::rows) = 0;
  // commit: an error of class unknown_commit when the outcome is not known, transient when the transaction is still open
  // and commit may be called again, else not committed.
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;
  virtual bool in_transaction() const = 0;

  // While set, every row change of the user's tables inside a transaction is shown, in order. `assigned`: of updates at
  // depth 0 on `table` only these columns can differ (the SET columns, known from the plan), so only they are compared.
  virtual void observe(ChangeObserver observer, std::string_view table, std::vector<int> assigned) = 0;
  virtual void stop_observing() = 0;
  // About how many rows the next change looks at: by how many of them it finds an engine may choose how to change them. 0: nobody
  // knows.
  virtual void walks(std::int64_t) {}
  // What a server's own log and its list of sessions say of the transactions that begin from here on.
  virtual void label(const Label&) {}

  // Changes whenever somebody else commits to the database: two equal answers prove that nobody did in between. Nothing
  // where the engine cannot tell.
  virtual std::optional<std::int64_t> commits_of_others() { return std::nullopt; }

  // An engine without a language of its own (a CSV file): its tables are read whole by `scan`, and nothing is prepared on it.
  virtual bool has_sql() const { return true; }
  // Every row of a table, these columns of it, in the order in which they lie.
  virtual Result<void> scan(const Table& table, std::span<const int> columns, const RowCallback& row);
  // What all of its content comes to, where that is one thing (a file): part of the memo key of what reads it.
  virtual std::optional<std::string> content_digest() { return std::nullopt; }

  // Another connection to the same database, for work beside this one's. Nothing where one writes at a time anyway.
  virtual Result<std::unique_ptr<Connector>> another() { return std::unique_ptr<Connector>(); }
  // How many sets of parameters are worth sending together.
  virtual std::size_t rows_together() const { return 1; }

  // Makes a running statement return an error of class interrupted; callable from a signal handler's thread.
  virtual void interrupt() = 0;
};

struct OpenOptions {
  bool read_only = false;
  int busy_timeout_ms = 5000;
  std::vector<std::pair<std::string, std::string>> settings{};  // of the source's declaration: `delimiter`, `;`
};

// `sqlite:PATH`, `csv:PATH`, a bare path, `postgres://…` or `postgres:KEYWORDS`. Nothing is created: a missing file is an error.
Result<std::unique_ptr<Connector>> open(const std::string& url, const OpenOptions& options);
// An empty SQLite database in a temporary file, gone with the connector.
Result<std::unique_ptr<Connector>> open_scratch();

}  // namespace bfl::connect
