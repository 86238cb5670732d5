// Clauses that make other rows of the rows: `distinct`, `union`, `expand`; and rows that stand in the text.
#include <algorithm>
#include <set>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::InputKind;

namespace {

constexpr std::size_t max_written_rows = 1000;

}  // namespace

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
    const auto type = common_type(left->type.with_null(may_be_null(left, *block)), right->type.with_null(may_be_null(right, *other)));
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

// Rows that the text itself holds: `[ { sku: "A", price: 1.50 }, … ]`. They are the numbers of the rows, from 1; a column is the
// value that a number has there.
BlockPtr Checker::written_rows(NodeId node) {
  std::vector<std::string_view> names;
  std::map<std::string_view, std::vector<ExprPtr>> columns;
  std::map<std::string_view, std::vector<Span>> spans;
  std::vector<Value> numbers;
  bool good = true;
  for (NodeId row : ast::children(*file_, node)) {
    if (at(row).kind != NodeKind::object) {
      error(Code::type_mismatch, at(row).span, fmt::format("`{}` is no row", slice(at(row).span)), "a relation of rows is written `[ { id: 1, name: \"a\" }, … ]`");
      return broken();
    }
    if (numbers.size() == max_written_rows) {
      error(Code::expansion_too_large, at(row).span, fmt::format("more than {} rows stand in the text", max_written_rows), "deliver a longer list as a file: `source list = csv(\"list.csv\")`");
      return broken();
    }
    std::set<std::string_view> here;
    for (NodeId entry : ast::children(*file_, row)) {
      std::string name(at(entry).text);
      if (name.size() > 1 && (name.front() == '"' || name.front() == '`')) name = name.substr(1, name.size() - 2);
      const std::string_view kept = keep_name(name);
      if (!here.insert(kept).second) {
        error(Code::duplicate_name, at(entry).name_span, fmt::format("`{}` is given twice", name), "leave one of them out");
        good = false;
        continue;
      }
      auto [values, fresh] = columns.try_emplace(kept);
      if (fresh) names.push_back(kept);
      values->second.resize(numbers.size());
      spans[kept].resize(numbers.size());
      const Within no_rows(scope_, static_cast<Scope*>(nullptr));
      values->second.push_back(expression(at(entry).first_child));
      spans[kept].push_back(at(at(entry).first_child).span);
      good &= values->second.back() != nullptr;
    }
    numbers.emplace_back(static_cast<std::int64_t>(numbers.size() + 1));
  }
  if (names.empty() && good) error(Code::type_mismatch, at(node).span, "a relation without columns", "a relation of rows is written `[ { id: 1, name: \"a\" }, … ]`");
  if (names.empty() || !good) return broken();

  auto block = std::make_shared<Block>();
  const auto id = fresh_input({}, std::nullopt, nullptr);
  program.inputs[id].columns = {"row", "number"};
  const std::size_t rows = numbers.size();
  ExprPtr elements = constant_of(Array{std::make_shared<const std::vector<Value>>(std::move(numbers))}, array_of({Kind::integer}), at(node).span);
  block->relation->inputs.push_back({.id = id, .kind = InputKind::anchor, .alias = {}, .elements = std::move(elements), .span = at(node).span});
  block->relation->span = at(node).span;
  block->subs.push_back(nullptr);
  block->only_derived = true;
  lose_anchor(*block, "[ … ]");
  for (std::string_view name : names) {
    std::vector<ExprPtr>& values = columns[name];
    values.resize(rows);
    spans[name].resize(rows, at(node).span);
    for (ExprPtr& value : values)
      if (!value) value = constant_of(Value(), {}, at(node).span);
    Type type;
    if (!unify(values, spans[name], fmt::format("this `{}`", name), type)) return broken();
    bool nullable = false;
    Expr choice{.kind = ExprKind::case_, .span = at(node).span};
    for (std::size_t i = 0; i < rows; ++i) {
      nullable |= values[i]->type.nullable;
      const ExprPtr number = make({.kind = ExprKind::column, .type = {Kind::integer}, .span = at(node).span, .input = id, .column = 0});
      if (i + 1 < rows) choice.args.push_back(compare(program::CompareOp::equal, number, constant_of(static_cast<std::int64_t>(i + 1), {Kind::integer}, at(node).span), at(node).span, at(node).span, at(node).span));
      choice.args.push_back(std::move(values[i]));
    }
    choice.type = type.with_null(nullable);
    block->derived[name] = rows == 1 ? choice.args[0] : make(std::move(choice));
  }
  return block;
}

}  // namespace bfl::check
