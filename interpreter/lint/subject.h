// What the rules look at: the tree with the way up, the texts, and the program where there is one.
#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "interpreter/lint/lint.h"

namespace bfl::lint {

class Subject {
 public:
  Subject(const ast::File& file, const Sources& sources, const program::Program* program);

  const ast::File& file;
  const Sources& sources;
  const program::Program* program;      // null for rules that need the script only

  const ast::Node& at(ast::NodeId id) const { return file[id]; }
  std::string_view text(ast::NodeId id) const { return sources.slice(file[id].span); }
  ast::NodeId parent(ast::NodeId id) const { return parents_[id]; }
  bool within(ast::NodeId id, ast::NodeKind kind) const;             // has an ancestor of that kind
  std::vector<ast::NodeId> all(ast::NodeKind kind) const;            // in order of the text
  std::vector<ast::NodeId> children(ast::NodeId id) const;
  std::vector<ast::NodeId> steps() const;                            // that change rows
  ast::NodeId job() const;                                           // or no_node
  bool any(ast::NodeId from, const std::function<bool(ast::NodeId)>& is) const;  // of the tree below, itself included
  bool names_something(ast::NodeId expression) const;                // a column, a parameter, a relation, a function without arguments
  // Clauses and statements of that word in a step: of its relation, its header and its body.
  std::vector<ast::NodeId> clauses(ast::NodeId step, std::string_view word) const;

 private:
  std::vector<ast::NodeId> parents_;
};

bool changes_rows(std::string_view verb);

#define BFL_RULE(function, code, name, severity, needs, title, reason) void function(const Subject& subject, Findings& findings);
#include "interpreter/lint/rules.def"
#undef BFL_RULE

}  // namespace bfl::lint
