// The program: the script with every name resolved, every expression typed, every step with its effects and its class.
//
// Nothing unresolved can be represented. Functions of the library and of the script, `let`s, `derive`d names and
// parameters have been replaced by what they mean: an expression speaks of columns of inputs, constants and native
// functions only. A relation is a flat block (inputs, filters, perhaps a grouping, fields); whatever does not fit one
// block is a block over another block. Expressions are immutable and shared.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/decimal.h"
#include "interpreter/base/digest.h"
#include "interpreter/base/span.h"
#include "interpreter/base/value.h"

namespace bfl::program {

struct Relation;
struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;
using RelationPtr = std::shared_ptr<const Relation>;

// A function that is implemented in C++ (eval/natives.h), named by its declaration: `lower(text)`, `+(int,int)`.
struct Native {
  std::string signature;     // name and kinds of the parameters, the key of the evaluator's table
  std::string name;
  std::vector<Type> params;  // nullable: null is passed on to the function; otherwise null in gives null out, uncalled
  Type result;
  bool can_fail = true;      // false: never an error whatever the arguments
};

enum class ExprKind : std::uint8_t {
  literal,      // value
  column,       // input, column
  call,         // native, args
  compare,      // op, args[0], args[1]: null-safe equality, ordering false with null
  and_, or_,    // args, lazy from left to right; never null: an operand that is null counts as false
  not_,         // e != true
  coalesce,     // args, lazy
  case_,        // args: condition, result, condition, result, …, [else]; no match without else: an error. The form with a
                // subject is rewritten to comparisons
  in_list,      // args[0] in args[1..]: `==` with any
  convert,      // implicit widening of args[0] to `type`: int to decimal or float, decimal to float, null to any, date to timestamp
  array,        // args
  object,       // args: key literal, value, key literal, value …; a json
  subquery,     // relation's one field, aggregate below over its rows; correlated through columns of enclosing inputs
  aggregate,    // only in fields of a grouped relation: aggregate over the rows of the group
  window,       // only as a field: `window`, with args[0] for lag and lead, or with `aggregate`, over rows of its own block
  clock,        // now(): the instant of the run's first start; key holds the expression, not the value
  local,        // slot: the value of an enclosing `bind`
  bind,         // args[0] is seen as `slot` in args[1], computed at most once, when first asked for: an argument of an inlined function
};

enum class CompareOp : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

enum class AggregateKind : std::uint8_t {
  count,           // rows (where `filter`); 0 of none
  count_distinct,  // distinct values of operand, null not counted
  sum,             // null not counted; 0 of none; overflow is an error
  min, max,        // null not counted; null of none
  average,         // int and decimal give decimal (division as Decimal's), float gives float; null of none
  any, every,      // of booleans; any of none is false, every of none is true
  first, last,     // operand of the first/last row by `order` (required); null of none
  list,            // the operands as an array, by `order` (required), nulls among them; empty of none
  clusters,        // of objects: by `order` (required), the number of each row's cluster as an array; rows that share a value of one
                   // member (or an element of it, where it is an array) are of one cluster; numbered from 1 by their first rows
  fold,            // windows only: `start`, and for each row by the window's order the operand, which sees the value so far
  exists,          // subqueries only
};

using InputId = std::uint32_t;   // unique in a Program, so that no reference can be captured

struct OrderKey { ExprPtr expr; bool descending = false; };

struct Aggregate {
  AggregateKind kind{};
  ExprPtr operand;               // absent for count and exists
  ExprPtr filter;                // `where C` inside the call; absent: every row
  std::vector<OrderKey> order;   // first, last, list, clusters
  ExprPtr start{};               // fold
  InputId so_far = 0;            // fold: its column 0 is the value so far, in `operand`
};

enum class WindowFunction : std::uint8_t {
  row_number,      // 1, 2, … by the order, which is total
  rank,            // rows of one rank share the number of the first of them
  dense_rank,      // the same, without gaps
  lag, lead,       // the operand `distance` rows before or behind; null beyond the ends
  aggregate,       // over the whole partition
};

// The rows that a function sees beside its own: those of the block with equal `partition` values.
struct Window {
  WindowFunction function{};
  std::int64_t distance = 1;            // lag, lead
  std::vector<ExprPtr> partition;       // none: all rows are one partition
  std::vector<OrderKey> order;          // not of aggregates, unless `running`
  bool running = false;                 // aggregates: up to the row itself, by `order`, which is total then
};

struct Expr {
  ExprKind kind{};
  Type type;
  Span span;
  Value value{};                  // literal
  bool secret = false;            // literal: the value of a secret parameter; shown as `***`, and never a part of data
  InputId input = 0;              // column
  int column = 0;                 // column: of the table, or field of the sub-relation
  const Native* native = nullptr; // call
  CompareOp op{};                 // compare
  std::uint32_t slot = 0;         // local, bind
  std::vector<ExprPtr> args{};
  RelationPtr relation{};         // subquery
  std::shared_ptr<const Aggregate> aggregate{};  // subquery, aggregate, window
  std::shared_ptr<const Window> window{};
  std::uint32_t weight = 1;       // nodes of the tree, shared ones counted each time; bounded, so that every stage may walk it
  std::uint16_t height = 1;       // bounded, so that every stage may recurse
};

inline constexpr std::uint32_t max_weight = 500'000;
inline constexpr std::uint16_t max_height = 500;

struct TableRef { int source = 0; int table = 0; friend auto operator<=>(const TableRef&, const TableRef&) = default; };

enum class InputKind : std::uint8_t { anchor, one, optional, many };

struct Input {
  InputId id = 0;
  InputKind kind = InputKind::anchor;
  std::string alias;                    // empty when it has none
  std::optional<TableRef> table{};      // either a table …
  RelationPtr sub{};                    // … or a block of its own
  std::vector<RelationPtr> united{};    // with `sub`: the rows of these as well; their fields are those of `sub`, one by one
  ExprPtr elements{};                   // … or an array: a row for each element; column 0 is the element, 1 its number from 1
  ExprPtr on{};                         // joins
  bool at_most_one = false;             // proved by a unique key of the joined table, or by its grouping
  ExprPtr when{};                       // joined only where this holds, elsewhere left out; absent: always
  bool skip_missing = false;            // join one … else skip
  std::string skip_reason{};
  Span span{};
};

// Filters and joins take effect in the order of the text: filter f is applied after the first `after_inputs` inputs.
struct Filter {
  ExprPtr condition;
  std::size_t after_inputs = 1;
  bool skip = false;                    // skip where: rows that match are left out, and counted by reason
  std::string reason{};
};

struct Field {
  std::string name;
  ExprPtr expr;                         // over the inputs; in a grouped block over the inputs of each group
  Span span{};
};

enum class OnLoop : std::uint8_t {
  error,
  skip,   // rows whose chain comes back to a row of it are left out
  stop,   // the chain ends before the row that it would come back to
};

// A block of two inputs, rows to start from ([0]) and rows to go to ([1]; its `on` says when, and sees the row before as
// `previous`). It has a row for each start and each row on the way from it, the start itself first.
struct Follow {
  bool many = false;                    // false: a second row to go to is an error
  bool each = false;                    // with `many`: every row that can be reached once, by the shortest way; loops are none
  OnLoop on_loop = OnLoop::error;
  InputId previous = 0;                 // its columns are those of inputs[1]
  InputId place = 0;                    // column 0: how many rows after the start; 1: is it the last on its way
  std::vector<ExprPtr> first;           // the start as a row of inputs[1]: over inputs[0], in step with the columns of [1]
  std::vector<ExprPtr> start_key;       // what tells rows apart, to find loops: over inputs[0]; empty when the starts are
  std::vector<ExprPtr> key;             //   rows of another kind than those of inputs[1], over which this one is
};
inline constexpr int longest_way = 10'000;  // beyond it is an error

struct Relation {
  std::vector<Input> inputs;            // [0] is the anchor
  std::vector<Filter> filters;
  std::optional<Follow> follow{};       // then there are fields, and nothing else
  bool grouped = false;
  std::vector<ExprPtr> group_by;        // keys; none: one group of all rows
  std::vector<Field> fields;            // what the relation shows by bare name
  std::vector<OrderKey> order;          // always ends in the anchor's key when there is a limit
  std::optional<std::int64_t> limit{};
  bool anchored = false;                // each row is one row of inputs[0].table
  Span span{};
};

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
// rollback when verify_failed or conflicts > 5: what makes a run undo itself.
struct Rollback {
  bool verify_failed = false;
  std::int64_t conflicts = -1;          // more than so many; negative: as many as there are
  std::optional<Decimal> percent{};     // more conflicts than this share of the rows that were to be changed
  std::string text{};                   // as written, on one line
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
std::string to_string(const std::optional<Approval>& approval);  // "2, not the author's"; empty: none is asked for

}  // namespace bfl::program
