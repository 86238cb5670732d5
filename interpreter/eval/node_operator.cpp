// The operators that run for every row, without the detour over the table of natives.
#include "interpreter/base/decimal.h"
#include "interpreter/eval/arithmetic.h"
#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/node.h"

namespace bfl::eval {

namespace {

template <class Op>
class Integers final : public Node {
 public:
  Integers(NodePtr left, NodePtr right) : left_(std::move(left)), right_(std::move(right)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    std::int64_t out = 0;
    switch (integer(frame, out)) {
      case Status::failed: return nullptr;
      case Status::null: scratch = Value(); break;
      case Status::ok: scratch = out; break;
    }
    return &scratch;
  }
  Status integer(Frame& frame, std::int64_t& out) const override {
    std::int64_t left = 0, right = 0;
    const Status left_status = left_->integer(frame, left);
    if (left_status == Status::failed) return Status::failed;
    const Status right_status = right_->integer(frame, right);
    if (right_status == Status::failed) return Status::failed;
    if (left_status == Status::null || right_status == Status::null) return Status::null;
    if (Op::overflows(left, right, out)) {
      frame.failure = int_overflow<Op>(left, right);
      return Status::failed;
    }
    return Status::ok;
  }

 private:
  NodePtr left_, right_;
};

using DecimalOperator = std::optional<Decimal> (*)(const Decimal&, const Decimal&);

class Decimals final : public Node {
 public:
  Decimals(DecimalOperator op, NodePtr left, NodePtr right) : op_(op), left_(std::move(left)), right_(std::move(right)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    Value left_scratch, right_scratch;
    const Value* const left = left_->eval(frame, left_scratch);
    if (left == nullptr) return nullptr;
    const Value* const right = right_->eval(frame, right_scratch);
    if (right == nullptr) return nullptr;
    if (left->is_null() || right->is_null()) {
      scratch = Value();
      return &scratch;
    }
    const auto* const a = std::get_if<Decimal>(&left->data);
    const auto* const b = std::get_if<Decimal>(&right->data);
    if (a == nullptr || b == nullptr)
      return frame.fail("a decimal was expected, found " + std::string(kind_name((a == nullptr ? left : right)->kind())));
    auto result = op_(*a, *b);
    if (!result) return frame.fail("the result has more than 1000 digits");
    scratch.data = std::move(*result);
    return &scratch;
  }

 private:
  DecimalOperator op_;
  NodePtr left_, right_;
};

}  // namespace

NodePtr make_operator(std::string_view signature, std::vector<NodePtr>& args) {
  if (args.size() != 2) return nullptr;
  const auto decimals = [&](DecimalOperator op) { return std::make_unique<Decimals>(op, std::move(args[0]), std::move(args[1])); };
  if (signature == "+(int,int)") return std::make_unique<Integers<AddInt>>(std::move(args[0]), std::move(args[1]));
  if (signature == "-(int,int)") return std::make_unique<Integers<SubtractInt>>(std::move(args[0]), std::move(args[1]));
  if (signature == "*(int,int)") return std::make_unique<Integers<MultiplyInt>>(std::move(args[0]), std::move(args[1]));
  if (signature == "+(decimal,decimal)") return decimals([](const Decimal& a, const Decimal& b) { return add(a, b); });
  if (signature == "-(decimal,decimal)") return decimals([](const Decimal& a, const Decimal& b) { return subtract(a, b); });
  if (signature == "*(decimal,decimal)") return decimals([](const Decimal& a, const Decimal& b) { return multiply(a, b); });
  return nullptr;
}

}  // namespace bfl::eval
