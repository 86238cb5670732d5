// Expressions and relations of the program: every name resolved, every expression typed.
//
// Functions of the library and of the script, `let`s, `derive`d names and parameters have been replaced by what they mean: an expression
// speaks of columns of inputs, constants and native functions only. A relation is a flat block (inputs, filters, perhaps a grouping,
// fields); whatever does not fit one block is a block over another block. Expressions are immutable and shared.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
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

}  // namespace bfl::program
