// What a name can mean at a place: the rows that are in sight there, from the innermost outwards.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interpreter/check/library.h"
#include "interpreter/check/program.h"

namespace bfl::check {

using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using ast::NodeId;
using ast::NodeKind;

struct Block;
using BlockPtr = std::shared_ptr<Block>;

struct Alias {
  std::string_view name;
  std::size_t input = 0;  // of the block's relation
  bool own_row = false;   // names the block's own row: its columns are those that a bare name finds
  bool previous = false;  // `prev` in the condition of a `follow`
  Span span{};            // where it is given
};

// A relation under construction. Its fields are made when somebody first looks at them, so that a block computes only what
// the block around it uses.
struct Block {
  std::shared_ptr<program::Relation> relation = std::make_shared<program::Relation>();
  std::vector<BlockPtr> subs;                       // in step with inputs: the block behind a sub-relation
  std::vector<Alias> aliases;
  std::map<std::string_view, ExprPtr> derived;      // null: its mistake was reported
  std::map<std::string_view, Span> introduced;      // names of `derived`: where they stand in the script
  std::unordered_map<std::string, int> fields;      // by name, or by `alias.name`
  std::vector<program::ExprPtr> not_null;           // expressions that a filter has compared with null
  std::string_view let;                             // the `let` that it comes from, for messages
  std::map<std::string_view, NodeId> windows;       // by name: the clause
  std::string_view unanchored_by;                   // the clause behind which rows are no longer rows of the first table
  bool over_rows = false;                           // subs[0] holds the rows that windows see from here
  bool chained = false;                             // behind `follow one`: anchored once only the last row of each chain is left
  bool only_derived = false;                        // after group and keep: columns of the table are out of sight
  bool broken = false;                              // its mistake was reported: every name in it is silent
  int height = 1;                                   // blocks within blocks
};

struct GroupOutput {
  const std::map<std::string_view, ExprPtr>* names = nullptr;  // keys and fields so far
  const std::vector<ExprPtr>* keys = nullptr;
};

struct Scope {
  Block* block = nullptr;
  Scope* outer = nullptr;
  const GroupOutput* group = nullptr;  // in the braces of `group by`, outside of aggregates
};

// The body of a function that is being put in place of a call.
struct Environment {
  const Function* function = nullptr;
  std::vector<ExprPtr> arguments;
};

}  // namespace bfl::check
