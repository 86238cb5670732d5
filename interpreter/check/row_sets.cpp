// Clauses that make other rows of the rows: `distinct`, `union`, `expand`.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::InputKind;

// Rows that are equal in all that they show are one: a group by all of it.
void Checker::distinct(BlockPtr& block, NodeId clause) {
  open(block);
  if (block->broken) return;
  if (!block->relation->limit) block->relation->order.clear();
  const std::vector<std::string> names = names_of(*block);
  std::map<std::string_view, ExprPtr> output;
  for (const std::string& name : names) {
    const std::string_view kept = keep_name(name);
    Lookup found = bare(*block, kept, at(clause).span);
    if (found.expr) block->relation->group_by.push_back(found.expr);
    else if (quiet_ > 0) block->broken = true;
    output.emplace(kept, std::move(found.expr));
  }
  block->derived = std::move(output);
  block->only_derived = true;
  block->aliases.clear();
  block->windows.clear();
  block->relation->grouped = true;
  lose_anchor(*block, "distinct");
}

void Checker::unite(BlockPtr& block, NodeId clause, Scope* outer) {
  const NodeId operand_node = at(clause).first_child;
  BlockPtr other = relation(operand_node, outer);
  if (block->broken || other->broken) {
    block->broken = true;
    return;
  }
  for (BlockPtr* side : {&block, &other})
    if (!(*side)->relation->fields.empty()) wrap(*side);
  for (const BlockPtr& side : {block, other})
    if (!side->relation->limit) side->relation->order.clear();
  std::vector<std::string> mine = names_of(*block), theirs = names_of(*other);
  const auto missing = [](const std::vector<std::string>& from, const std::vector<std::string>& in) {
    return std::find_if(from.begin(), from.end(), [&](const std::string& name) { return std::find(in.begin(), in.end(), name) == in.end(); });
  };
  const auto here = missing(theirs, mine), there = missing(mine, theirs);
  if (here != theirs.end() || there != mine.end()) {
    const bool first = here != theirs.end();
    error(Code::unknown_column, at(clause).span, fmt::format("`{}` is a column of the {} relation of this `union` only", first ? *here : *there, first ? "second" : "first"),
          "both need the same columns: choose and name them with `keep { … }` on each side");
    block = broken();
    return;
  }
  auto made = std::make_shared<Block>();
  made->height = std::max(block->height, other->height) + 1;
  made->let = block->let;
  made->only_derived = true;
  made->relation->span = block->relation->span;
  const auto id = fresh_input({}, std::nullopt, block->relation);
  bool good = true;
  for (const std::string& name : mine) {
    const std::string_view kept = keep_name(name);
    ExprPtr left = bare(*block, kept, at(clause).span).expr, right = bare(*other, kept, at(clause).span).expr;
    if (!left || !right) {
      good = false;
      made->derived[kept] = nullptr;
      continue;
    }
    const auto type = common_type(left->type, right->type);
    if (!type) {
      error(Code::type_mismatch, at(clause).span, fmt::format("`{}` is {} in the first relation of this `union` and {} in the second", name, with_article(left->type.with_null(false)), with_article(right->type.with_null(false))),
            "convert one of them: `keep { … }` with `to_text(…)`, `to_int(…)`");
      good = false;
      continue;
    }
    const int field = static_cast<int>(block->relation->fields.size());
    block->relation->fields.push_back({.name = name, .expr = convert(std::move(left), *type), .span = at(clause).span});
    other->relation->fields.push_back({.name = name, .expr = convert(std::move(right), *type), .span = at(clause).span});
    good &= block->relation->fields.back().expr && other->relation->fields.back().expr;
    made->derived[kept] = make({.kind = ExprKind::column, .type = *type, .span = at(clause).span, .input = id, .column = field});
  }
  if (!good) {
    block = broken();
    return;
  }
  made->relation->inputs.push_back({.id = id, .kind = InputKind::anchor, .alias = {}, .sub = block->relation, .united = {other->relation}, .span = at(clause).span});
  made->subs.push_back(std::move(block));
  lose_anchor(*made, "union");
  block = std::move(made);
}

void Checker::expand(BlockPtr& block, NodeId clause, Scope* outer) {
  std::vector<NodeId> parts;
  for (NodeId part : ast::children(*file_, clause)) parts.push_back(part);
  if (parts.size() < 2) return;
  prepare_windows(block, parts.back());
  open(block);
  if (block->broken) return;
  // An array of a row that was left out is never looked at.
  if (!block->relation->filters.empty() || block->relation->inputs.size() > 1) wrap(block);
  Scope inside{.block = block.get(), .outer = outer};
  const Within scope(scope_, &inside);
  ExprPtr array = expression(parts.back());
  const auto fail = [&] { block->broken = true; };
  if (!array) return fail();
  const Type element = array->type.element ? *array->type.element : Type{};
  if (array->type.kind != Kind::array || element.kind == Kind::bytes || element.kind == Kind::null) {
    error(Code::type_mismatch, at(parts.back()).span, fmt::format("`expand` takes an array, found {}", with_article(array->type.with_null(false))),
          array->type.kind == Kind::json ? "write `json_array_text(…)`" : array->type.kind == Kind::text ? "write `split(…, \",\")`" : "");
    return fail();
  }
  const auto id = fresh_input({}, std::nullopt, nullptr);
  auto& names = program.inputs[id].columns;
  names = {std::string(at(parts[0]).text), parts.size() > 2 ? std::string(at(parts[1]).text) : "position"};
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const std::string_view name = at(parts[i]).text;
    if (bare(*block, name, at(parts[i]).span).found) {
      error(Code::duplicate_name, at(parts[i]).span, fmt::format("`{}` is a column already", name), "give the element a name of its own");
      continue;
    }
    block->derived[name] = make({.kind = ExprKind::column, .type = i == 0 ? element : Type{Kind::integer}, .span = at(parts[i]).span, .input = id, .column = static_cast<int>(i)});
  }
  block->relation->inputs.push_back({.id = id, .kind = InputKind::many, .alias = {}, .elements = std::move(array), .span = at(clause).span});
  block->subs.push_back(nullptr);
  lose_anchor(*block, "expand");
}

}  // namespace bfl::check
