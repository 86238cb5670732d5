#include "interpreter/eval/evaluate.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "interpreter/eval/node.h"

namespace bfl::eval {

namespace {

using program::CompareOp;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;

class Program final : public Compiled {
 public:
  Program(NodePtr root, std::vector<Slot> slots, std::size_t locals) : root_(std::move(root)), slots_(std::move(slots)), locals_(locals) {}

  Outcome run(std::span<const Value> row) const override {
    std::array<Bound*, 8> few{};
    std::vector<Bound*> many(locals_ > few.size() ? locals_ : 0);
    Frame frame{row, many.empty() ? few.data() : many.data(), {}};
    Value scratch;
    const Value* const result = root_->eval(frame, scratch);
    if (result == nullptr) return Failure{std::move(frame.failure)};
    if (result == &scratch) return scratch;
    return *result;
  }

  std::optional<std::int64_t> integer(std::span<const Value> row) const override {
    if (locals_ > 0) return std::nullopt;
    Frame frame{row, nullptr, {}};
    std::int64_t out = 0;
    return root_->integer(frame, out) == Status::ok ? std::optional(out) : std::nullopt;
  }

  const std::vector<Slot>& slots() const override { return slots_; }

 private:
  NodePtr root_;
  std::vector<Slot> slots_;
  std::size_t locals_;
};

class Compiler {
 public:
  explicit Compiler(const Context& context) : context_(context) {}

  NodePtr compile(const ExprPtr& expr) {
    switch (expr->kind) {
      case ExprKind::literal: return make_literal(expr->value);
      case ExprKind::clock: return make_literal(context_.clock);
      case ExprKind::column:
      case ExprKind::subquery:
      case ExprKind::aggregate:
      case ExprKind::window: return make_slot(slot(expr), expr->type.kind);
      case ExprKind::call: return call(*expr);
      case ExprKind::compare: return compare(*expr);
      case ExprKind::and_: return make_and(compile_all(*expr));
      case ExprKind::or_: return make_or(compile_all(*expr));
      case ExprKind::not_: return make_not(compile(expr->args[0]));
      case ExprKind::coalesce: return make_coalesce(compile_all(*expr));
      case ExprKind::case_: return make_case(compile_all(*expr));
      case ExprKind::in_list: return in_list(*expr);
      case ExprKind::convert: return make_convert(compile(expr->args[0]), expr->args[0]->type, expr->type);
      case ExprKind::array: return make_array(compile_all(*expr));
      case ExprKind::object: return object(*expr);
      case ExprKind::local: return make_local(locals_.at(expr->slot));
      case ExprKind::bind: return bind(*expr);
    }
    return make_failure("an expression of an unknown kind");
  }

  std::vector<Slot> take_slots() { return std::move(slots_); }
  std::size_t locals() const { return binds_; }

 private:
  std::vector<NodePtr> compile_all(const Expr& expr) {
    std::vector<NodePtr> nodes;
    for (const ExprPtr& arg : expr.args) nodes.push_back(compile(arg));
    return nodes;
  }

  std::size_t slot(const ExprPtr& expr) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const Expr& other = *slots_[i].expr;
      const bool same_column =
          expr->kind == ExprKind::column && other.kind == ExprKind::column && expr->input == other.input && expr->column == other.column;
      if (same_column || slots_[i].expr == expr) return i;
    }
    slots_.push_back({expr});
    return slots_.size() - 1;
  }

  static Kind shared_kind(const Expr& expr) {
    const Kind left = expr.args[0]->type.kind, right = expr.args[1]->type.kind;
    return left == right ? left : Kind::null;
  }

  // In two statements: slots are numbered from left to right.
  NodePtr compare(const Expr& expr) {
    NodePtr left = compile(expr.args[0]);
    NodePtr right = compile(expr.args[1]);
    return make_compare(expr.op, std::move(left), std::move(right), shared_kind(expr));
  }

  NodePtr call(const Expr& expr) {
    const program::Native& native = *expr.native;
    std::vector<NodePtr> args = compile_all(expr);
    if (NodePtr fast = make_operator(native.signature, args)) return fast;
    const NativeFunction function = find_native(native.signature);
    if (function == nullptr) return make_failure("this version of bfl has no function `" + native.signature + "`");
    return make_call(function, native.params, std::move(args));
  }

  NodePtr in_list(const Expr& expr) {
    NodePtr needle = compile(expr.args[0]);
    std::vector<Value> constants;
    std::vector<NodePtr> others;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      if (expr.args[i]->kind == ExprKind::literal) constants.push_back(expr.args[i]->value);
      else others.push_back(compile(expr.args[i]));
    }
    return make_in_list(std::move(needle), std::move(constants), std::move(others));
  }

  NodePtr object(const Expr& expr) {
    std::vector<std::string> keys;
    std::vector<NodePtr> values;
    for (std::size_t i = 0; i + 1 < expr.args.size(); i += 2) {
      const auto* const key = std::get_if<std::string>(&expr.args[i]->value.data);
      keys.push_back(key != nullptr ? *key : std::string());
      values.push_back(compile(expr.args[i + 1]));
    }
    return make_object(std::move(keys), std::move(values));
  }

  // Each bind has an index of its own, whatever the slots of the program are: a value is computed late, among other binds.
  NodePtr bind(const Expr& expr) {
    NodePtr value = compile(expr.args[0]);
    const std::size_t index = binds_++;
    const auto [entry, added] = locals_.insert({expr.slot, index});
    const std::size_t outer = std::exchange(entry->second, index);
    NodePtr body = compile(expr.args[1]);
    if (added)
      locals_.erase(expr.slot);
    else
      locals_[expr.slot] = outer;
    return make_bind(index, std::move(value), std::move(body));
  }

  Context context_;
  std::vector<Slot> slots_;
  std::map<std::uint32_t, std::size_t> locals_;
  std::size_t binds_ = 0;
};

}  // namespace

std::unique_ptr<Compiled> compile(const ExprPtr& expr, const Context& context) {
  Compiler compiler(context);
  NodePtr root = compiler.compile(expr);
  std::vector<Slot> slots = compiler.take_slots();
  return std::make_unique<Program>(std::move(root), std::move(slots), compiler.locals());
}

Outcome constant(const ExprPtr& expr, const Context& context) {
  const auto compiled = compile(expr, context);
  if (!compiled->slots().empty()) return Failure{"the value depends on rows"};
  return compiled->run({});
}

}  // namespace bfl::eval
