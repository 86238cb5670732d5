// Nodes that decide: comparisons, membership, and, or, not, case, coalesce.
#include <algorithm>

#include "interpreter/eval/node.h"

namespace bfl::eval {

namespace {

using program::CompareOp;

// A node whose value is true or false and never null: only `truth` is to be written.
class Truth : public Node {
 public:
  const Value* eval(Frame& frame, Value& scratch) const final {
    bool out = false;
    if (truth(frame, out) == Status::failed) return nullptr;
    scratch = out;
    return &scratch;
  }
  Status truth(Frame& frame, bool& out) const override = 0;
};

bool holds(CompareOp op, std::strong_ordering order) {
  switch (op) {
    case CompareOp::equal: return order == 0;
    case CompareOp::not_equal: return order != 0;
    case CompareOp::less: return order < 0;
    case CompareOp::less_equal: return order <= 0;
    case CompareOp::greater: return order > 0;
    case CompareOp::greater_equal: return order >= 0;
  }
  return false;
}

// With a null on a side: equality knows null, order does not.
bool holds_with_null(CompareOp op, bool both) {
  if (op == CompareOp::equal) return both;
  if (op == CompareOp::not_equal) return !both;
  return false;
}

class Compare final : public Truth {
 public:
  Compare(CompareOp op, NodePtr left, NodePtr right) : op_(op), left_(std::move(left)), right_(std::move(right)) {}
  Status truth(Frame& frame, bool& out) const override {
    Value left_scratch, right_scratch;
    const Value* const left = left_->eval(frame, left_scratch);
    if (left == nullptr) return Status::failed;
    const Value* const right = right_->eval(frame, right_scratch);
    if (right == nullptr) return Status::failed;
    if (left->is_null() || right->is_null()) out = holds_with_null(op_, left->is_null() && right->is_null());
    else if (op_ == CompareOp::equal) out = equal(*left, *right);
    else if (op_ == CompareOp::not_equal) out = !equal(*left, *right);
    else out = holds(op_, order(*left, *right));
    return Status::ok;
  }

 private:
  CompareOp op_;
  NodePtr left_, right_;
};

class CompareIntegers final : public Truth {
 public:
  CompareIntegers(CompareOp op, NodePtr left, NodePtr right) : op_(op), left_(std::move(left)), right_(std::move(right)) {}
  Status truth(Frame& frame, bool& out) const override {
    std::int64_t left = 0, right = 0;
    const Status left_status = left_->integer(frame, left);
    if (left_status == Status::failed) return Status::failed;
    const Status right_status = right_->integer(frame, right);
    if (right_status == Status::failed) return Status::failed;
    if (left_status == Status::null || right_status == Status::null) out = holds_with_null(op_, left_status == right_status);
    else out = holds(op_, left <=> right);
    return Status::ok;
  }

 private:
  CompareOp op_;
  NodePtr left_, right_;
};

class InList final : public Truth {
 public:
  InList(NodePtr needle, std::vector<Value> constants, std::vector<NodePtr> others)
      : needle_(std::move(needle)), constants_(std::move(constants)), others_(std::move(others)) {
    std::sort(constants_.begin(), constants_.end(), [](const Value& a, const Value& b) { return order(a, b) < 0; });
  }
  Status truth(Frame& frame, bool& out) const override {
    Value scratch;
    const Value* const needle = needle_->eval(frame, scratch);
    if (needle == nullptr) return Status::failed;
    out = std::binary_search(constants_.begin(), constants_.end(), *needle, [](const Value& a, const Value& b) { return order(a, b) < 0; });
    for (const NodePtr& other : others_) {
      if (out) break;
      Value other_scratch;
      const Value* const value = other->eval(frame, other_scratch);
      if (value == nullptr) return Status::failed;
      out = equal(*needle, *value);
    }
    return Status::ok;
  }

 private:
  NodePtr needle_;
  std::vector<Value> constants_;  // sorted
  std::vector<NodePtr> others_;
};

// and: stops at the first that is not true. or: stops at the first that is. Null counts as false in both.
template <bool stop>
class Junction final : public Truth {
 public:
  explicit Junction(std::vector<NodePtr> args) : args_(std::move(args)) {}
  Status truth(Frame& frame, bool& out) const override {
    for (const NodePtr& arg : args_) {
      bool value = false;
      const Status status = arg->truth(frame, value);
      if (status == Status::failed) return status;
      out = status == Status::ok && value;
      if (out == stop) return Status::ok;
    }
    out = !stop;
    return Status::ok;
  }

 private:
  std::vector<NodePtr> args_;
};

class Not final : public Truth {
 public:
  explicit Not(NodePtr arg) : arg_(std::move(arg)) {}
  Status truth(Frame& frame, bool& out) const override {
    bool value = false;
    const Status status = arg_->truth(frame, value);
    if (status == Status::failed) return status;
    out = !(status == Status::ok && value);
    return Status::ok;
  }

 private:
  NodePtr arg_;
};

class Coalesce final : public Node {
 public:
  explicit Coalesce(std::vector<NodePtr> args) : args_(std::move(args)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    const Value* value = nullptr;
    for (const NodePtr& arg : args_) {
      value = arg->eval(frame, scratch);
      if (value == nullptr || !value->is_null()) return value;
    }
    return value;
  }
  Status integer(Frame& frame, std::int64_t& out) const override {
    Status status = Status::null;
    for (const NodePtr& arg : args_) {
      status = arg->integer(frame, out);
      if (status != Status::null) break;
    }
    return status;
  }

 private:
  std::vector<NodePtr> args_;
};

class Case final : public Node {
 public:
  explicit Case(std::vector<NodePtr> args) : args_(std::move(args)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    const Node* const branch = choose(frame);
    return branch == nullptr ? nullptr : branch->eval(frame, scratch);
  }
  Status integer(Frame& frame, std::int64_t& out) const override {
    const Node* const branch = choose(frame);
    return branch == nullptr ? Status::failed : branch->integer(frame, out);
  }
  Status truth(Frame& frame, bool& out) const override {
    const Node* const branch = choose(frame);
    return branch == nullptr ? Status::failed : branch->truth(frame, out);
  }

 private:
  const Node* choose(Frame& frame) const {
    std::size_t i = 0;
    for (; i + 1 < args_.size(); i += 2) {
      bool matches = false;
      const Status status = args_[i]->truth(frame, matches);
      if (status == Status::failed) return nullptr;
      if (status == Status::ok && matches) return args_[i + 1].get();
    }
    if (i < args_.size()) return args_[i].get();
    frame.failure = "no branch of the `case` matches, and it has no `else`";
    return nullptr;
  }

  std::vector<NodePtr> args_;
};

}  // namespace

NodePtr make_compare(CompareOp op, NodePtr left, NodePtr right, Kind kind) {
  if (kind == Kind::integer) return std::make_unique<CompareIntegers>(op, std::move(left), std::move(right));
  return std::make_unique<Compare>(op, std::move(left), std::move(right));
}
NodePtr make_in_list(NodePtr needle, std::vector<Value> constants, std::vector<NodePtr> others) {
  return std::make_unique<InList>(std::move(needle), std::move(constants), std::move(others));
}
NodePtr make_and(std::vector<NodePtr> args) { return std::make_unique<Junction<false>>(std::move(args)); }
NodePtr make_or(std::vector<NodePtr> args) { return std::make_unique<Junction<true>>(std::move(args)); }
NodePtr make_not(NodePtr arg) { return std::make_unique<Not>(std::move(arg)); }
NodePtr make_coalesce(std::vector<NodePtr> args) { return std::make_unique<Coalesce>(std::move(args)); }
NodePtr make_case(std::vector<NodePtr> args) { return std::make_unique<Case>(std::move(args)); }

}  // namespace bfl::eval
