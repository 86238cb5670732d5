// Nodes that make values: literals, slots, calls, conversions, arrays and objects.
#include <array>

#include "interpreter/base/json.h"
#include "interpreter/eval/json_value.h"
#include "interpreter/eval/node.h"

namespace bfl::eval {

Status Node::integer(Frame& frame, std::int64_t& out) const {
  Value scratch;
  const Value* const value = eval(frame, scratch);
  if (value == nullptr) return Status::failed;
  if (const auto* const number = std::get_if<std::int64_t>(&value->data)) {
    out = *number;
    return Status::ok;
  }
  if (value->is_null()) return Status::null;
  frame.failure = "an int was expected, found " + std::string(kind_name(value->kind()));
  return Status::failed;
}

Status Node::truth(Frame& frame, bool& out) const {
  Value scratch;
  const Value* const value = eval(frame, scratch);
  if (value == nullptr) return Status::failed;
  if (const auto* const truth = std::get_if<bool>(&value->data)) {
    out = *truth;
    return Status::ok;
  }
  if (value->is_null()) return Status::null;
  frame.failure = "a bool was expected, found " + std::string(kind_name(value->kind()));
  return Status::failed;
}

namespace {

class Literal final : public Node {
 public:
  explicit Literal(Value value) : value_(std::move(value)) {}
  const Value* eval(Frame&, Value&) const override { return &value_; }
  const Value* constant() const override { return &value_; }

 private:
  Value value_;
};

class IntegerLiteral final : public Node {
 public:
  explicit IntegerLiteral(std::int64_t value) : integer_(value), value_(value) {}
  const Value* eval(Frame&, Value&) const override { return &value_; }
  Status integer(Frame&, std::int64_t& out) const override {
    out = integer_;
    return Status::ok;
  }
  const Value* constant() const override { return &value_; }

 private:
  std::int64_t integer_;
  Value value_;
};

class SlotNode final : public Node {
 public:
  SlotNode(std::size_t index, Kind kind) : index_(index), kind_(kind) {}
  // What comes from outside is looked at once: a value of another kind is a failure, never taken for what it is not.
  const Value* eval(Frame& frame, Value&) const override {
    if (index_ >= frame.row.size()) return frame.fail("a value of the row is missing");
    const Value& value = frame.row[index_];
    if (!value.is_null() && value.kind() != kind_ && kind_ != Kind::null)
      return frame.fail("a value of the row is " + std::string(kind_name(value.kind())) + ", expected " + std::string(kind_name(kind_)));
    return &value;
  }
  Status integer(Frame& frame, std::int64_t& out) const override {
    if (index_ < frame.row.size()) {
      const Value& value = frame.row[index_];
      if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
        out = *number;
        return Status::ok;
      }
      if (value.is_null()) return Status::null;
    }
    return Node::integer(frame, out);
  }

 private:
  std::size_t index_;
  Kind kind_;
};

class Local final : public Node {
 public:
  explicit Local(std::size_t index) : index_(index) {}
  const Value* eval(Frame& frame, Value&) const override {
    Bound& bound = *frame.locals[index_];
    if (bound.value == nullptr) bound.value = bound.node->eval(frame, bound.storage);
    return bound.value;
  }

 private:
  std::size_t index_;
};

class Bind final : public Node {
 public:
  Bind(std::size_t index, NodePtr value, NodePtr body) : index_(index), value_(std::move(value)), body_(std::move(body)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    Bound bound{value_.get()};
    frame.locals[index_] = &bound;
    const Value* const result = body_->eval(frame, scratch);
    if (result != &bound.storage) return result;
    scratch = std::move(bound.storage);  // the body is the bound value itself, which ends here
    return &scratch;
  }

 private:
  std::size_t index_;
  NodePtr value_, body_;
};

class Fails final : public Node {
 public:
  explicit Fails(std::string message) : message_(std::move(message)) {}
  const Value* eval(Frame& frame, Value&) const override { return frame.fail(message_); }

 private:
  std::string message_;
};

class Call final : public Node {
 public:
  Call(NativeFunction function, const std::vector<Type>& params, std::vector<NodePtr> args)
      : function_(function), args_(std::move(args)), params_(params) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    std::array<Value, 4> few;
    std::vector<Value> many(args_.size() > few.size() ? args_.size() : 0);
    const std::span<Value> values(many.empty() ? few.data() : many.data(), args_.size());
    for (std::size_t i = 0; i < args_.size(); ++i) {
      const Value* const value = args_[i]->eval(frame, values[i]);
      if (value == nullptr) return nullptr;
      if (value != &values[i]) values[i] = *value;
    }
    // All arguments are computed before null decides, so that a failure does not hang on the order of arguments.
    for (std::size_t i = 0; i < args_.size(); ++i) {
      if (!values[i].is_null()) {
        if (i < params_.size() && values[i].kind() != params_[i].kind)
          return frame.fail("an argument is " + std::string(kind_name(values[i].kind())) + ", expected " +
                            std::string(kind_name(params_[i].kind)));
      } else if (i >= params_.size() || !params_[i].nullable) {
        scratch = Value();
        return &scratch;
      }
    }
    Outcome outcome = function_(values);
    if (auto* const failed = std::get_if<Failure>(&outcome)) return frame.fail(std::move(failed->message));
    scratch = std::move(std::get<Value>(outcome));
    return &scratch;
  }

 private:
  NativeFunction function_;
  std::vector<NodePtr> args_;
  std::vector<Type> params_;
};

std::optional<Value> widened(const Value& value, const Type& to) {
  if (value.is_null() || value.kind() == to.kind) {
    if (value.kind() != Kind::array || !to.element || value.is_null()) return value;
    std::vector<Value> items;
    if (const auto& array = value.as<Array>(); array.items)
      for (const Value& item : *array.items) {
        auto converted = widened(item, *to.element);
        if (!converted) return std::nullopt;
        items.push_back(std::move(*converted));
      }
    return Value(Array{std::make_shared<const std::vector<Value>>(std::move(items))});
  }
  switch (value.kind()) {
    case Kind::integer:
      if (to.kind == Kind::decimal) return Value(Decimal(value.as<std::int64_t>()));
      if (to.kind == Kind::floating) return Value(static_cast<double>(value.as<std::int64_t>()));
      break;
    case Kind::decimal:
      if (to.kind == Kind::floating) return Value(value.as<Decimal>().to_double());
      break;
    case Kind::date:
      if (to.kind == Kind::timestamp) return Value(Timestamp{value.as<Date>().days * micros_per_day});
      break;
    default: break;
  }
  return std::nullopt;
}

class Convert final : public Node {
 public:
  Convert(NodePtr arg, Type to) : arg_(std::move(arg)), to_(std::move(to)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    const Value* const value = arg_->eval(frame, scratch);
    if (value == nullptr || value->is_null()) return value;
    auto converted = widened(*value, to_);
    if (!converted)
      return frame.fail("a value of type " + std::string(kind_name(value->kind())) + " does not become " + to_string(to_) + " by itself");
    scratch = std::move(*converted);
    return &scratch;
  }

 private:
  NodePtr arg_;
  Type to_;
};

class ArrayNode final : public Node {
 public:
  explicit ArrayNode(std::vector<NodePtr> items) : items_(std::move(items)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    std::vector<Value> values(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Value* const value = items_[i]->eval(frame, values[i]);
      if (value == nullptr) return nullptr;
      if (value != &values[i]) values[i] = *value;
    }
    scratch = Array{std::make_shared<const std::vector<Value>>(std::move(values))};
    return &scratch;
  }

 private:
  std::vector<NodePtr> items_;
};

class ObjectNode final : public Node {
 public:
  ObjectNode(std::vector<std::string> keys, std::vector<NodePtr> values) : keys_(std::move(keys)), values_(std::move(values)) {}
  const Value* eval(Frame& frame, Value& scratch) const override {
    std::string out = "{";
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      Value value_scratch;
      const Value* const value = values_[i]->eval(frame, value_scratch);
      if (value == nullptr) return nullptr;
      if (i != 0) out += ", ";
      append_json_text(out, keys_[i]);
      out += ": ";
      if (!append_json(out, *value))
        return frame.fail("a value of type " + std::string(kind_name(value->kind())) + " has no form in JSON: " + to_display(*value));
    }
    out += '}';
    if (!valid_utf8(out)) return frame.fail("a text for a json document is not valid UTF-8");
    scratch = Json{std::move(out)};
    return &scratch;
  }

 private:
  std::vector<std::string> keys_;
  std::vector<NodePtr> values_;
};

}  // namespace

NodePtr make_literal(Value value) {
  if (const auto* const number = std::get_if<std::int64_t>(&value.data)) return std::make_unique<IntegerLiteral>(*number);
  return std::make_unique<Literal>(std::move(value));
}
NodePtr make_slot(std::size_t index, Kind kind) { return std::make_unique<SlotNode>(index, kind); }
NodePtr make_local(std::size_t index) { return std::make_unique<Local>(index); }
NodePtr make_bind(std::size_t index, NodePtr value, NodePtr body) {
  return std::make_unique<Bind>(index, std::move(value), std::move(body));
}
NodePtr make_failure(std::string message) { return std::make_unique<Fails>(std::move(message)); }
NodePtr make_call(NativeFunction function, const std::vector<Type>& params, std::vector<NodePtr> args) {
  return std::make_unique<Call>(function, params, std::move(args));
}
NodePtr make_convert(NodePtr arg, const Type& from, const Type& to) {
  if (from.kind == to.kind && from.kind != Kind::array) return arg;
  return std::make_unique<Convert>(std::move(arg), to);
}
NodePtr make_array(std::vector<NodePtr> items) { return std::make_unique<ArrayNode>(std::move(items)); }
NodePtr make_object(std::vector<std::string> keys, std::vector<NodePtr> values) {
  return std::make_unique<ObjectNode>(std::move(keys), std::move(values));
}

}  // namespace bfl::eval
