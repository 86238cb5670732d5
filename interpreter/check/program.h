// The program: the script with every name resolved, every expression typed, every step with its effects and its class. Nothing
// unresolved can be represented.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/check/relation.h"

namespace bfl::program {

enum class StepKind : std::uint8_t { check, snapshot, update, insert, upsert, remove, verify, sql };

// How a repetition is kept from changing a row twice; see language.md, "Idempotent by construction".
enum class Idempotence : std::uint8_t {
  reads,       // check, verify
  convergent,  // values do not read what the step writes
  guarded,     // they do, and the `where` is false once the change is made
  staged,      // new values depend on other rows that the step changes: intents are kept first, then applied
  once,        // declared: the ledger makes each row change once
};

// protocol.md, "Three routes".
enum class Route : std::uint8_t { none, direct, sealed, whole };

constexpr bool only_asserts(StepKind kind) { return kind == StepKind::check || kind == StepKind::verify; }
constexpr bool changes_rows(StepKind kind) { return !only_asserts(kind) && kind != StepKind::snapshot; }
// The rows of its relation are rows of the table that it writes.
constexpr bool writes_anchor(StepKind kind) { return kind == StepKind::update || kind == StepKind::remove; }
constexpr bool adds_rows(StepKind kind) { return kind == StepKind::insert || kind == StepKind::upsert; }

struct ColumnUse {
  TableRef table;
  int column = -1;                      // -1: which rows there are
  friend auto operator<=>(const ColumnUse&, const ColumnUse&) = default;
};

struct Assignment {
  int column = 0;                       // of the target table
  ExprPtr value;
  Span span{};
  ExprPtr changed{};                    // of a `match`: the value without the arms that leave the column as it is
};

struct Assertion {
  ExprPtr condition;
  std::string message;
  std::string text;                     // the condition as written, on one line
  Span span{};
};

enum class Bound : std::uint8_t { at_most, at_least, exactly };
enum class Counted : std::uint8_t { changed, skipped };   // rows that the step changes; rows that its clauses leave out
struct Expectation {                    // expect changed <= 50_000, expect skipped < 5% of R
  Counted what{};
  Bound bound{};
  std::int64_t rows = 0;                // of a share: what is added to it, -1 for `<`, 1 for `>`
  std::optional<Decimal> percent{};     // a share of the rows of `of`, counted when the step begins
  ExprPtr of{};                         // count(R)
  std::string of_text{};                // R as written
  Span span{};
};

// What a step does to its target, as rows that later steps read: kept in a table of bfl's, filled with the step's chunks.
enum class EffectKind : std::uint8_t { inserted, updated, deleted };
struct Effect {
  EffectKind kind{};
  TableRef table{};                     // the columns of the target, as they are after the change (deleted: before), then `from`
  std::vector<Field> from{};            // `from.x`: of the row of the step's relation that caused the change
};

// on duplicate (COLUMNS) keep first by ORDER delete others: of rows that would come to the same values one stays. Of inserts and
// upserts `… skip others "reason"`: of several rows that would become one row of the target it is this one.
struct Duplicates {
  std::vector<int> columns;             // of the target; of inserts and upserts those of `key`
  std::string skip_reason{};
  std::vector<OrderKey> order;          // over the step's relation
  bool keep_last = false;
  Span span{};
};

// unique EXPR within COLUMNS order by K else CANDIDATE: a value that is taken gives way to the next candidate.
struct FreeName {
  int column = -1;                      // of the target, set by the step
  ExprPtr compared;                     // what must be unique, over the target's columns (input `row`)
  InputId row = 0;
  std::vector<int> within;              // of the target
  std::vector<OrderKey> order;          // over the step's relation: who chooses first
  ExprPtr candidate;                    // over input `attempt`: column 0 is `wanted`, column 1 is `n`; the target's columns as in `row`
  InputId attempt = 0;
  Span span{};
};

// A program of the user's: rows go to it as lines of JSON, and come back with more columns.
struct OutsideProgram {
  struct Variable {
    std::string name, value, shown;
    bool ambient = false;               // handed on from bfl's own environment: no part of what the job means
    bool secret = false;
  };
  std::string name;
  std::vector<std::string> words;       // the command; what has no `/` is looked for in PATH
  std::string folder;                   // in which it starts: the job's
  std::vector<Variable> environment;    // all that it gets
  struct Column { std::string name; Type type; };
  std::vector<Column> gives;
  std::vector<std::string> files;       // of the job's folder, that it is made of
  std::string content;                  // their digest
  std::int64_t batch_rows = 1'000;      // a call
  Duration limit{60'000'000};           // of a call
};
struct Through {
  std::shared_ptr<const OutsideProgram> program;
  std::vector<int> takes;               // fields of the step's relation
  Span span{};
};

// A text of SQL in the words of its engine, cut where it names parameters of the job: their values are bound, never pasted.
struct RawSql {
  std::vector<std::string> pieces;      // one more than parameters
  std::vector<ExprPtr> parameters;      // constants, and now()
  std::vector<std::string> called;      // what it seems to call, in lower case
  Span span{};
};

// How a run goes about its work, never what the work is: in no memo key, so that another text of it re-runs nothing.
//
// retry transient 5 times backoff 200ms..30s: the wait before the n-th time is drawn anew each time, from nothing to
// `first` * 2^(n-1), but never more than `longest`.
struct Retry {
  std::int64_t times = 5;
  std::int64_t first = 200'000, longest = 30'000'000;  // microseconds
};

// What is watched while a step is at work.
enum class SignalKind : std::uint8_t {
  replica_lag, active_sessions, lock_waits, blocked, oldest_transaction, archive_backlog, autovacuum,  // PostgreSQL
  query,                                // the number that a statement of the user's gives
  file,                                 // whether it is there
  http,                                 // the number that an address answers with
  prometheus,                           // the one sample that a query of a Prometheus server gives
};
struct PaceRule {
  SignalKind signal{};
  bool stops = false;                   // the run ends, resumably; else it waits
  int source = -1;                      // files and addresses have none
  std::optional<TableRef> table{};      // autovacuum
  std::string statement{};              // query: SQL; file: path; prometheus: its query; http: where in a JSON answer, `/queue/depth`; empty: all of it
  std::string address{};                // http, prometheus: may hold a secret
  CompareOp op = CompareOp::greater;    // signal OP bound; of truths: it is so
  double bound = 0;                     // durations in seconds
  std::string text{};                   // as written; of an address no more than its host
  Span span{};
};
struct DailyWindow {                    // half open; to < from: over midnight
  int from = 0, to = 0;                 // minutes of the day
  std::string zone = "UTC";
  std::string text{};
};
struct Pace {
  std::optional<double> rows_a_second{};
  std::vector<PaceRule> rules{};
  std::optional<DailyWindow> window{};
  Span span{};
};

// approve 2 not author: no plan of the job is carried out without as many signatures.
struct Approval {
  std::int64_t signatures = 0;
  bool not_author = false;              // whoever made the plan is not counted
  Span span{};
};
// promote staging -> production: there only what was completed here, and means the same.
struct Promotion {
  std::string from, to;                 // environments of the project
  Span span{};
};
// rollback when verify_failed or conflicts > 5 or quarantined > 1%: what makes a run undo itself.
struct Rollback {
  // What is more than one of them is too many.
  struct Bound {
    std::int64_t rows = -1;             // negative: none
    std::optional<Decimal> percent{};   // of the rows that were to be changed
    bool any() const { return rows >= 0 || percent; }
  };
  bool verify_failed = false;
  Bound conflicts{}, quarantined{};
  std::string text{};                   // as written, on one line
  Span span{};
};

// atomic: each run of the job is one transaction of one database.
struct OneTransaction {
  bool asked_once = false;              // for this run, by `--atomic`: the job does not say so
  Span span{};
};

// rollout { 1% then verify small then wait for approval … 100% }: a stage ends at a share of the step's rows; between two of them stands
// what has to be so before the next begins.
struct RolloutStage {
  Decimal percent{};                    // of all rows of the step, those of the stages before it among them
  bool verify_all = false;              // every `verify` of the job
  std::vector<std::pair<std::string, Span>> verify{};  // steps, by name: a `verify` or a `check`
  std::vector<Assertion> assertions{};
  std::int64_t wait = 0;                // microseconds
  bool approval = false;                // somebody has to say that it may go on
  std::string text{};                   // as written, on one line
};
struct Rollout {
  bool by_hash = false;                 // rows of a stage lie all over the table: by a hash of their key; else by its order
  std::vector<RolloutStage> stages{};   // ascending, the last one of 100
  Span span{};
};

struct Step {
  std::string name;
  StepKind kind{};
  Span span{}, name_span{};
  std::string doc{};
  std::vector<Assertion> assertions{};  // check, verify
  RelationPtr relation{};               // the rows: to be changed, to be kept, or (insert, upsert) that cause new rows
  TableRef target{};                    // the table that is written; of a snapshot the table that keeps it
  std::vector<Assignment> assignments{};  // update, insert, upsert
  std::vector<int> key{};               // insert, upsert: columns of a unique key of the target: which rows are there already
  std::vector<ExprPtr> once_per{};      // insert: what tells the rows of the relation apart in the ledger
  std::vector<Effect> effects{};        // that later steps read
  std::vector<TableRef> cascades{};     // delete: tables whose rows go with those that they refer to, nearest first
  std::optional<Duplicates> duplicates{};  // update, insert, upsert
  std::optional<FreeName> free_name{};  // update, insert
  std::optional<Through> through{};     // snapshot: what the program gives are the last columns of the table that keeps it
  std::optional<RawSql> sql{};          // a statement of the script's own; the tables that it writes are `target` and `cascades`,
                                        // and `writes` says what of them
  ExprPtr done_when{};                  // sql: true once the statement has done its work
  std::string done_text{};              // as written, on one line
  ExprPtr when{};                       // the step is left out where this does not hold
  std::string when_reason{};
  std::set<ColumnUse> reads{}, writes{};
  Idempotence idempotence = Idempotence::reads;
  Route route = Route::none;
  std::string route_reason{};           // one line for the plan
  std::vector<int> walk{};              // update: key columns of the target in walk order; empty: rowid
  std::optional<std::int64_t> chunk_rows{};
  std::vector<Expectation> expectations{};
  std::vector<std::size_t> after{};     // by hand: indexes of steps
  bool atomic = false;
  bool once = false;                    // declared; with `staged` the new values are sealed as well, not only the keys
  bool row_local = false;               // filters and values read the row itself only
  std::optional<Retry> retry{};         // none: as the job says, or as by default
  std::optional<Pace> pace{};           // together with the job's
  std::optional<std::int64_t> quarantine{};  // rows that may be set aside with their error; none: the first one ends the step
  Span quarantine_span{};
  std::optional<Rollout> rollout{};
  int keeper = 0;                       // the source whose ledger keeps its generations; -1: none can
};

// A test of the job: rows to begin with, rows to end with. It is no step: what it says is in no memo key.
struct GivenRow {
  std::vector<std::pair<int, Value>> values;   // column, in the column's type
  Span span{};
};
struct TableRows {
  TableRef table;
  std::vector<GivenRow> rows;
  Span span{};
};
struct ExpectedChange {
  std::size_t step = 0;
  CompareOp op{};
  std::int64_t rows = 0;
  Span span{};
};
struct Test {
  std::string title;
  Span span{};
  std::optional<Timestamp> clock{};
  std::vector<TableRows> given{}, expected{};
  std::vector<ExpectedChange> changed{};
};

// A relation that the script says in SQL: a table of the catalogue whose rows a SELECT gives. Its columns and its key are the
// table's; that they are so is seen when its database is asked (run/queries.h).
struct Query {
  std::string name;                     // of the `let`
  TableRef table{};
  RawSql sql;
  std::set<ColumnUse> reads{};          // as declared
  Span span{}, reads_span{};
  std::vector<Span> column_spans{};
};

struct Parameter { std::string name; Type type; Value value; bool given = false; Span span{}; bool is_clock = false; bool secret = false; };  // now(): no value yet

struct Source {
  std::string name;
  std::string url;                      // `sqlite:PATH`; may hold a secret: never printed
  std::string shown;                    // safe to print
  std::vector<std::pair<std::string, std::string>> settings{};  // what its declaration says beyond the place: `delimiter`, `;`
  Span span{};
};

// What the columns of an input are columns of.
struct InputName {
  std::string alias;                    // as written; empty when it has none
  std::optional<TableRef> table{};
  std::weak_ptr<const Relation> sub{};
  std::vector<std::string> columns{};   // of inputs that are neither
};

struct Program {
  std::string job;                      // the job's name
  std::string owner, ticket, why, runbook;
  std::optional<Timestamp> expires{};   // no run begins behind it
  Span job_span{}, expires_span{};
  std::optional<Approval> approval{};
  std::optional<Rollback> rollback{};
  std::optional<Promotion> promotion{};
  std::optional<OneTransaction> atomic{};
  std::optional<Retry> retry{};
  std::optional<Pace> pace{};
  std::vector<Parameter> parameters;
  std::vector<Source> sources;          // in step with `catalogues`
  std::vector<Catalogue> catalogues;
  std::vector<Step> steps;              // in order of the text
  std::vector<Test> tests;
  std::vector<Query> queries;           // by Table::query
  std::vector<InputName> inputs;        // by InputId
  bool names_rows = false;              // lowered so that what fails says at which row: asked again, after it has failed
  std::vector<std::unique_ptr<Native>> natives;  // owned here, pointed to by expressions; shared with the library

  // As the script writes it: `shop.orders`; of a relation that is kept its name.
  std::string shown(TableRef ref) const { return table(ref).kept.empty() ? sources[static_cast<std::size_t>(ref.source)].name + "." + table(ref).name : table(ref).kept; }
  const Query* query(TableRef ref) const { return table(ref).query < 0 ? nullptr : &queries[static_cast<std::size_t>(table(ref).query)]; }
  const Table& table(TableRef ref) const { return catalogues[static_cast<std::size_t>(ref.source)].tables[static_cast<std::size_t>(ref.table)]; }
};

// The exact meaning of an expression or relation as a text: layout, positions, names of parameters and lets left out;
// input ids renumbered in order of appearance. The basis of memo keys.
std::string meaning(const Expr& expr, const Program& program);
std::string meaning(const Relation& relation, const Program& program);
// Everything of a step that a memo key must see, with one numbering of inputs for rows and values: use this, not the parts.
std::string meaning(const Step& step, const Program& program);
// As a person would write it: for plans and messages.
std::string to_string(const Expr& expr, const Program& program);
std::string to_string(const Relation& relation, const Program& program);
std::string to_string(const std::optional<Rollout>& rollout);    // "by hash: 1% then …; 100%"; empty: none
std::string to_string(const std::optional<Promotion>& promotion);  // "staging -> production"; empty: none
std::string to_string(const std::optional<Approval>& approval);  // "2, not the author's"; empty: none is asked for

}  // namespace bfl::program
