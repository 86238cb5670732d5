// The functions that a script can call: those of the standard library and, in the same form, its own.
#pragma once
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interpreter/base/type.h"
#include "interpreter/check/check.h"
#include "interpreter/syntax/ast.h"

namespace bfl::check {

struct FunctionParameter {
  std::string_view name;
  Type type;
  int uses = 0;  // in the body, as a name
};

struct Function {
  const ast::File* file = nullptr;
  ast::NodeId node = ast::no_node;
  std::string_view name, module;  // module: empty for the script's own
  std::vector<FunctionParameter> parameters;
  Type result;
  ast::NodeId body = ast::no_node;
  bool native = false;
};

using Overloads = std::unordered_map<std::string_view, std::vector<Function>>;

std::vector<Type> parameter_types(const Function& function);
std::string shown(const Function& function);  // `trim(s: text, characters: text) -> text`

// Nothing, with a diagnostic, when the node names no type.
std::optional<Type> read_type(const ast::File& file, ast::NodeId type, Diagnostics& diagnostics);
std::optional<Function> read_function(const ast::File& file, ast::NodeId fn, std::string_view module, Diagnostics& diagnostics);

class Library {
 public:
  explicit Library(Sources& sources);
  const std::vector<Function>* overloads(std::string_view name) const;
  const Overloads& functions() const { return functions_; }
  const std::vector<std::string>& modules() const { return modules_; }
  std::vector<FunctionDoc> documentation() const;

 private:
  const Sources* sources_;
  std::vector<std::unique_ptr<ast::File>> files_;  // in step with modules_
  std::vector<std::string> modules_;
  Overloads functions_;
};

}  // namespace bfl::check
