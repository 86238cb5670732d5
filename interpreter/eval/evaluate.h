// The reference meaning of expressions: an expression and a row give a value or a failure.
//
// An expression is compiled once into a tree of closures over numbered slots and evaluated per row; connectors use the
// same compiled form wherever SQL cannot say it exactly, so that both give one meaning. Subqueries are no business of the
// evaluator: they come in as slots, computed by the database.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/eval/natives.h"

namespace bfl::eval {

// What stands outside an expression and is handed in per row: a column of an input, or a subquery, aggregate or window node.
struct Slot {
  program::ExprPtr expr;  // kind column, subquery, aggregate or window
};

class Compiled {
 public:
  virtual ~Compiled() = default;
  // `row[i]` is the value of slots()[i]. Thread-safe: no state is kept between calls.
  virtual Outcome run(std::span<const Value> row) const = 0;
  // The same for expressions of kind int, without the detour over Outcome; none: null or a failure, run() says which.
  virtual std::optional<std::int64_t> integer(std::span<const Value> row) const = 0;
  virtual const std::vector<Slot>& slots() const = 0;
};

struct Context {
  Timestamp clock;
};  // now() of the run

// Slots are collected from the expression: equal columns share one.
std::unique_ptr<Compiled> compile(const program::ExprPtr& expr, const Context& context);
// The value of an expression without columns.
Outcome constant(const program::ExprPtr& expr, const Context& context);

// An aggregate over a group, fed row by row: what connectors register where the engine's own is not exact.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // operand (absent for count), and for first/last the values of the order keys.
  virtual void add(std::span<const Value> operand_and_keys) = 0;
  virtual Outcome finish() = 0;  // the value so far: more rows may follow
};
// A fold: rows come as the value to begin with, and the slots of `operand` in their order, without those of `so_far`.
std::unique_ptr<Accumulator> fold(const program::ExprPtr& operand, program::InputId so_far, const Context& context);
std::unique_ptr<Accumulator> accumulator(program::AggregateKind kind, const Type& result, const std::vector<bool>& descending);

}  // namespace bfl::eval
