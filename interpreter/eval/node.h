// The compiled form of an expression: a tree of small nodes, each of which gives its value for a row.
//
// A value is handed up by pointer, so that columns and literals are never copied, and numbers and truths have entries of
// their own, so that the usual conditions touch no heap. A failure is kept in the frame and passed up as nullptr or
// `failed`. Nodes keep no state: one tree serves many threads.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/eval/natives.h"

namespace bfl::eval {

class Node;

// A bound value: computed when it is first asked for, as if it stood there, and then kept.
struct Bound {
  const Node* node;
  Value storage{};
  const Value* value = nullptr;
};

struct Frame {
  std::span<const Value> row;
  Bound** locals;
  std::string failure;

  std::nullptr_t fail(std::string message) {
    failure = std::move(message);
    return nullptr;
  }
};

enum class Status : std::uint8_t { failed, null, ok };

class Node {
 public:
  virtual ~Node() = default;
  // The value: in `scratch` or elsewhere, where it stays as long as row, locals and scratch do. nullptr: failed.
  virtual const Value* eval(Frame& frame, Value& scratch) const = 0;
  // Only for nodes of the kind.
  virtual Status integer(Frame& frame, std::int64_t& out) const;
  virtual Status truth(Frame& frame, bool& out) const;
  virtual const Value* constant() const { return nullptr; }  // of literals
};
using NodePtr = std::unique_ptr<const Node>;

NodePtr make_literal(Value value);
NodePtr make_slot(std::size_t index, Kind kind);
NodePtr make_local(std::size_t index);
NodePtr make_bind(std::size_t index, NodePtr value, NodePtr body);
NodePtr make_failure(std::string message);
NodePtr make_call(NativeFunction function, const std::vector<Type>& params, std::vector<NodePtr> args);
// A faster form of the operators that run for every row; none for all others. Takes the arguments only if it makes one.
NodePtr make_operator(std::string_view signature, std::vector<NodePtr>& args);
// `kind`: of both sides, or Kind::null when it is not the same.
NodePtr make_compare(program::CompareOp op, NodePtr left, NodePtr right, Kind kind);
NodePtr make_in_list(NodePtr needle, std::vector<Value> constants, std::vector<NodePtr> others);
NodePtr make_and(std::vector<NodePtr> args);
NodePtr make_or(std::vector<NodePtr> args);
NodePtr make_not(NodePtr arg);
NodePtr make_coalesce(std::vector<NodePtr> args);
NodePtr make_case(std::vector<NodePtr> args);
NodePtr make_convert(NodePtr arg, const Type& from, const Type& to);
NodePtr make_array(std::vector<NodePtr> items);
NodePtr make_object(std::vector<std::string> keys, std::vector<NodePtr> values);

}  // namespace bfl::eval
