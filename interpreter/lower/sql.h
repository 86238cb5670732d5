// Typed relations and expressions to SQL of one dialect, with every value bound.
//
// What the engine computes exactly as bfl means it is said in SQL; whatever could differ (decimals, dates kept as text,
// overflow, null-safe logic, Unicode) is fused: a whole expression becomes one call of a function that the connector
// registers, `bfl_f0(a, b, …)`, computed by eval/. Plain conjuncts that can use an index stay beside the fused condition.
// Identifiers come from the catalogue only and are always quoted.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/check/program.h"

namespace bfl::lower {

// How a value crosses between SQL and bfl: the column's storage, or for computed values the plain form of the kind.
struct Wire {
  Type type;
  Storage storage = Storage::native;
  int scale = -1;
  char time_separator = 'T';
  std::string time_suffix = "Z";
  int padded = -1;  // as of a column
};
Wire wire_of(const Column& column);
Wire wire_of(const Type& type);  // computed values: decimals as text, dates and timestamps as ISO text, booleans 0/1

// A function that the connector must register on its connection before the statement is prepared.
struct Fused {
  std::string name;                   // unique within a Statement set: a digest of its meaning
  program::ExprPtr expr;              // scalar: the expression; its slots are the arguments, in eval::Compiled::slots() order
  std::vector<Wire> arguments;        // how argument i is read
  Wire result;                        // how the result is handed to SQL
  // aggregates (SQL aggregate functions): operand and keys are the arguments
  bool is_aggregate = false;
  program::AggregateKind aggregate{};
  std::vector<bool> descending{};
  std::vector<std::string> labels{};  // of the arguments, for messages: `orders.created_at`; empty: computed
  bool folds = false;                 // a window function: argument 0 is where it starts, the others are the slots of `expr` but `so_far`
  program::InputId so_far = 0;
  std::vector<std::string> keys{};    // of further arguments, behind those of the expression: by them a message names the row
  std::string raise{};                // not empty: no expression but an error, this text and `label = value` of each argument
};

// `bfl_keep(column, value [, every column of the row])`: gives back `value`, and shows an observer what `column` becomes; where
// the row stands behind it, the row as it is before the change. An engine that calls functions has all that at hand while it
// computes the row, which costs half of asking for it afterwards.
inline constexpr std::string_view keep_function = "bfl_keep";
inline constexpr std::size_t most_kept_columns = 100;  // SQLite takes 127 arguments

// What the result of a statement is: rows that are asked for, or images of rows that it changes. Of updates every column
// before, then each assigned one after; of rewrites every column before, then every column after; of inserts every column after; of
// deletes every column before.
enum class Shows : std::uint8_t { rows, updates, rewrites, inserts, deletes };

struct Statement {
  std::string text;
  std::vector<Value> binds;           // ?1 … ?n in order; later parameters (bounds, limits) follow from ?n+1
  std::vector<Wire> bind_wires;
  std::vector<Fused> functions;
  std::vector<Wire> columns;          // of the result, in order
  std::string keeping{};              // the same statement with bfl_keep around what it assigns; empty: there is none
  std::vector<Wire> parameters{};     // of the later parameters, where an engine must know
  Shows shows = Shows::rows;          // of a change: its result rows are images
  std::string table{};                // whose rows those are, as the catalogue spells it; empty: of the table that is observed
  std::string images{};               // the same rows by a SELECT that is sent before the update, which then shows nothing
  // The update of only those rows that `images` has shown: behind the later parameters comes an array of each of these columns of
  // theirs. Empty: there is none.
  std::string of_shown{};
  std::vector<int> shown_key{};
  // The same for many sets of later parameters at a time, each of them an array. The place of the set, counted from 1, is the last
  // column of the result; of inserts there is none: their rows come in the order of the sets. Empty: there is none.
  std::string together{};
  std::vector<std::size_t> told_by{};  // inserts: parameters that came back in these columns tell that the order is kept
  std::vector<int> told_in{};
  std::vector<std::size_t> clocks{};  // binds that stand for now(): the instant is known when the statement is prepared
  bool many = false;                  // a result that may be long: read as it comes
};

// The statements of one chunked write on the direct route. The bounds are the key columns of `walk`, in order; `lo` is
// exclusive and may be absent, `hi` inclusive.
struct DirectUpdate {
  Statement change;      // UPDATE … WHERE key in (lo, hi] AND condition AND a value differs;  binds: then lo…, hi…
  Statement change_first;  // the same without lo
  Statement bound;       // SELECT key … WHERE key > lo [AND cheap part of the condition] ORDER BY key LIMIT 1 OFFSET :n;  binds: lo…, n
  Statement bound_first; // the same without lo
  Statement last;        // SELECT the largest key
  Statement probe;       // SELECT count(*) of rows that would change now
  std::vector<Wire> key; // of each walk column
  Statement any;         // one row if there is a row that would change now
  Statement before;      // SELECT the largest key before one;  binds: key
  Statement any_first;   // the same of the rows up to a key, in vain or not at little cost;  binds: hi…. Without text: `any` ends at the first
};

// What a row of a sealed set consists of, in this order.
struct Intent {
  std::size_t key = 0;      // values by which the row is known: of the walk, of the target's key, or `once per` of the row that causes it
  bool flag = false;        // then one value: 1 when the row is there already
  std::size_t image = 0;    // every column of the target in table order, as it is before; none: the row is not there
  std::size_t values = 0;   // the new value of each assignment; none for deletes and for `once`
  std::size_t from = 0;     // `from.x` of what a later step reads of the row
  // The image was shipped as one value, ledger::encode of the row as its own database stores it. It takes the place of the
  // image; without a flag it holds the key, too, in front.
  bool packed = false;
};

// The rows of a step as intents: computed where its relation is.
struct IntentSet {
  Intent intent;
  Statement select;      // in the order in which they are carried out
  Statement probe;       // SELECT count(*)
};
// Rows that go because those that they refer to go.
struct CascadeSet {
  program::TableRef table;
  Intent intent;
  Statement select;
};
struct Intents {
  IntentSet own;
  std::vector<CascadeSet> cascades;  // in the order in which they are carried out: before the rows of the step
};

// How one intent is carried out, in the target. What a kind of step has no use for is empty.
struct Hand {
  Statement change;      // UPDATE … SET (assigned columns) = ?… WHERE key = ?…;  binds: values, then key
  Statement add;         // INSERT … (assigned columns) VALUES (?…);  binds: values
  Statement remove;      // DELETE … WHERE key = ?…
  Statement read;        // SELECT every column WHERE key = ?…: the row as it is now
};
// A unique key that an update sets columns of.
struct UniqueKey {
  std::vector<int> columns;        // of the target
  Statement holder;                // SELECT the walk's key of the row that has these values;  binds: columns
};
struct Hands {
  Hand own;
  std::vector<Wire> key;
  std::vector<UniqueKey> uniques;
  Statement holders;              // on duplicate: SELECT the walk's key of the rows that have these values;  binds: columns
  Statement everything;           // unique … else: SELECT key…, every column of all rows
  std::vector<Hand> cascades;     // in step with those of the step
};

// A table that bfl keeps for later steps.
struct KeptTable {
  std::string drop, create;
  std::vector<std::string> indexes;
  Statement fill;        // snapshots: INSERT … SELECT; SQLite's alone
  Statement select;      // snapshots: the rows alone, as `add` takes them
  Statement add;         // INSERT one row; binds: every column
  Statement count;
};

// Inserts and upserts: which rows of the step's relation become the row with a certain key. SQLite's.
struct Causes {
  Statement select;      // SELECT what tells them (names.size() columns), their values; two at most;  binds: key
  std::vector<std::string> names;
  std::vector<Wire> key;
};

// Rows that refer to rows that a step deletes, and that it does not delete as well.
struct LeftBehind {
  std::string table;
  Statement count;       // SELECT count(*)
};

enum class Dialect : std::uint8_t { sqlite, postgres };
Dialect dialect_of(const std::string& engine);
inline Dialect dialect_of(const Catalogue& catalogue) { return dialect_of(catalogue.engine); }

// Whether the step can be carried out by statements over stretches of its table's key.
bool walks_in_sql(const program::Program& program, const program::Step& step);
// Steps that cannot take the sealed route instead of the direct one.
void settle_routes(program::Program& program);
Result<DirectUpdate> direct_update(const program::Program& program, const program::Step& step, Dialect dialect);
Result<Statement> direct_change(const program::Program& program, const program::Step& step, Dialect dialect);  // `change` of it alone
// `shipped_images`: those of a table that was shipped come packed; else column by column, as far as the columns were shipped.
Result<Intents> intents(const program::Program& program, const program::Step& step, Dialect dialect, bool shipped_images);
Hands hands(const program::Program& program, const program::Step& step, Dialect dialect);
// once: SELECT the new values for one key, `where` tested again (no row: does not apply);  binds: key. Empty for other steps.
Result<Statement> recompute(const program::Program& program, const program::Step& step, Dialect dialect);
Causes causes(const program::Program& program, const program::Step& step);
// Where the step is computed: SQLite's.
std::vector<LeftBehind> left_behind(const program::Program& program, const program::Step& step);
// SELECT these columns of the relation's rows as its table stores them; -1: the place of the row. An error of class refused when
// the dialect has no exact words for the filters.
Result<Statement> stored_rows(const program::Program& program, const program::Relation& rows, const std::vector<int>& columns, Dialect dialect);
// A relation that the script says in SQL, as it stands: for the database to describe.
Statement query_text(const program::Program& program, const program::Query& query, Dialect dialect);
// SELECT one text of it that says what is wrong with a row of such a relation: null where none may be, a key that is not alone. No
// row: all fits. PostgreSQL's; elsewhere rows are looked at while they are read.
Statement query_misfits(const program::Program& program, const program::Query& query);
// A statement of the script's own, and how its effect is seen where the engine does not show it by itself (PostgreSQL): the tables that
// it writes are locked and copied within the transaction, and compared with the copy behind it.
struct RawStep {
  Statement change;
  struct Watched {
    std::string lock, copy, forget;
    Statement changed, added, gone;    // their rows are images
  };
  std::vector<Watched> tables;         // in step with those that the step writes
  std::string elsewhere;               // SELECT name, rows of other tables that this transaction has changed
};
RawStep raw_step(const program::Program& program, const program::Step& step, Dialect dialect);
// `rows`: of a snapshot. `temporary`: for this connection only, in front of one that is kept.
KeptTable kept_table(const program::Program& program, program::TableRef table, const program::Relation* rows, bool temporary, Dialect dialect);
// SELECT the value of an expression without outer columns (an assertion, an operand of one): one row, one column.
Statement scalar(const program::Program& program, const program::ExprPtr& expr, Dialect dialect);
// SELECT the fields of a relation, in the order of its `order`.
Statement select(const program::Program& program, const program::Relation& relation, Dialect dialect);
// The same in the words of any dialect; an error of class refused when it has none that mean exactly the same.
Result<Statement> scalar_in(const program::Program& program, const program::ExprPtr& expr, Dialect dialect);
Result<Statement> select_in(const program::Program& program, const program::Relation& relation, Dialect dialect);

std::string quote_identifier(std::string_view name);
std::string quote_text(std::string_view text);  // a text as a literal
const char* sql_of(program::CompareOp op);
std::string qualified(const Table& table);  // with its schema

}  // namespace bfl::lower
