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
  std::string raise{};                // not empty: no expression but an error, this text and `label = value` of each argument
};

// `bfl_keep(column, value [, every column of the row])`: gives back `value`, and shows an observer what `column` becomes; where
// the row stands behind it, the row as it is before the change. An engine that calls functions has all that at hand while it
// computes the row, which costs half of asking for it afterwards.
inline constexpr std::string_view keep_function = "bfl_keep";
inline constexpr std::size_t most_kept_columns = 100;  // SQLite takes 127 arguments

struct Statement {
  std::string text;
  std::vector<Value> binds;           // ?1 … ?n in order; later parameters (bounds, limits) follow from ?n+1
  std::vector<Wire> bind_wires;
  std::vector<Fused> functions;
  std::vector<Wire> columns;          // of the result, in order
  std::string keeping{};              // the same statement with bfl_keep around what it assigns; empty: there is none
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
  Statement any;         // one row if there is a row that would change now: ends at the first
};

// The statements of the sealed and whole routes: the set, and the change of one row by key.
struct SealedUpdate {
  Statement select;      // SELECT key…, every column of the target in table order, new value of each assignment, ORDER BY key.
                         // `once`: no new values
  Statement change;      // UPDATE … SET (assigned columns) = ?… WHERE key = ?…;  binds: values, then key
  Statement read;        // SELECT every column WHERE key = ?…: the row as it is now
  Statement recompute;   // once: SELECT the new values for one key, `where` tested again (no row: does not apply);  binds: key
  Statement probe;       // SELECT count(*)
  std::vector<Wire> key;
};

enum class Dialect : std::uint8_t { sqlite };

Result<DirectUpdate> direct_update(const program::Program& program, const program::Step& step, Dialect dialect);
Result<SealedUpdate> sealed_update(const program::Program& program, const program::Step& step, Dialect dialect);
// SELECT the value of an expression without outer columns (an assertion, an operand of one): one row, one column.
Statement scalar(const program::Program& program, const program::ExprPtr& expr, Dialect dialect);
// SELECT the fields of a relation, in the order of its `order`.
Statement select(const program::Program& program, const program::Relation& relation, Dialect dialect);

std::string quote_identifier(std::string_view name);
std::string qualified(const Table& table);  // with its schema

}  // namespace bfl::lower
