// `follow`: chains and trees, from each row of a relation along the rows of another one.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::Follow;
using program::InputKind;

namespace {

constexpr std::size_t hop = 1;  // the input that the way goes along

// The column of a table that a column of the block stands for.
std::optional<program::ColumnUse> origin(const Block& block, const Expr& expr) {
  const Block* inside = &block;
  const Expr* at = &expr;
  while (at->kind == ExprKind::column) {
    const auto& inputs = inside->relation->inputs;
    const auto input = std::find_if(inputs.begin(), inputs.end(), [&](const auto& candidate) { return candidate.id == at->input; });
    if (input == inputs.end()) return std::nullopt;
    if (input->table) return program::ColumnUse{*input->table, at->column};
    if (!input->sub || !input->united.empty()) return std::nullopt;
    at = input->sub->fields[static_cast<std::size_t>(at->column)].expr.get();
    inside = inside->subs[static_cast<std::size_t>(input - inputs.begin())].get();
  }
  return std::nullopt;
}

}  // namespace

void Checker::follow(BlockPtr& block, NodeId clause, Scope* outer) {
  NodeId joined = ast::no_node, on = ast::no_node;
  program::OnLoop on_loop = program::OnLoop::error;
  for (NodeId part : ast::children(*file_, clause)) {
    if (joined == ast::no_node) joined = part;
    else if (at(part).kind == NodeKind::clause) on_loop = at(part).text == "skip" ? program::OnLoop::skip : at(part).text == "stop" ? program::OnLoop::stop : program::OnLoop::error;
    else on = part;
  }
  if (joined == ast::no_node || on == ast::no_node) return;
  const NodeId named = at(joined).kind == NodeKind::relation ? ast::child(*file_, joined, NodeKind::alias) : ast::no_node;
  if (named == ast::no_node) {
    error(Code::unknown_name, at(joined).span, "the row that is reached has no name", fmt::format("give it an alias: `{} as h`", slice(at(joined).span)));
    block->broken = true;
    return;
  }
  const bool only_named = ast::child_count(*file_, joined) == 2;
  BlockPtr rows = only_named ? operand(at(joined).first_child, outer) : relation(joined, outer);
  if (rows->broken || block->broken) {
    block->broken = true;
    return;
  }
  if (!rows->relation->fields.empty()) wrap(rows);
  if (!rows->relation->limit) rows->relation->order.clear();
  const std::string_view alias = at(named).text;
  const bool each = at(clause).op == ast::Op::join_each, many = each || at(clause).op == ast::Op::join_many;
  if (const NodeId rule = ast::child(*file_, clause, NodeKind::clause); each && rule != ast::no_node)
    error(Code::unknown_clause, at(rule).span, "`follow each` comes to a row once, however many ways lead to it: a loop is nothing to it", "leave `on loop` out");

  wrap(block);
  if (block->broken) return;
  Block& way = *block;
  way.relation->inputs.push_back({.id = fresh_input(alias, std::nullopt, rows->relation), .kind = InputKind::many, .alias = std::string(alias), .sub = rows->relation, .span = at(clause).span});
  way.subs.push_back(rows);
  way.height = std::max(way.height, rows->height + 1);
  way.relation->follow = Follow{.many = many, .each = each, .on_loop = on_loop, .previous = fresh_input("prev", std::nullopt, rows->relation), .place = fresh_input({}, std::nullopt, nullptr)};
  program.inputs[way.relation->follow->place].columns = {fmt::format("depth({})", alias), fmt::format("is_last({})", alias)};
  add_alias(way, {.name = alias, .input = hop, .span = at(named).name_span}, at(named).span);

  // Where starts and the rows reached are rows of one table, a way may come back to its start.
  const std::vector<ExprPtr> keys = row_key(*rows), start_keys = row_key(*way.subs[0]);
  bool comparable = keys.size() == start_keys.size();
  for (std::size_t i = 0; comparable && i < keys.size(); ++i) {
    const auto here = origin(*rows, *keys[i]), there = origin(*way.subs[0], *start_keys[i]);
    comparable = here && there && *here == *there;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto key_of = [&](Block& of, const ExprPtr& key, program::InputId input) {
      const int field = expose(of, fmt::format(" key {}", i), key, key->span);
      return make({.kind = ExprKind::column, .type = key->type, .span = key->span, .input = input, .column = field});
    };
    way.relation->follow->key.push_back(key_of(*rows, keys[i], way.relation->inputs[hop].id));
    if (comparable) way.relation->follow->start_key.push_back(key_of(*way.subs[0], start_keys[i], way.relation->inputs[0].id));
  }
  match_start(way);

  ExprPtr matched;
  {
    Scope inside{.block = &way, .outer = outer};
    const Within scope(scope_, &inside);
    way.aliases.push_back({.name = "prev", .input = hop, .previous = true});
    matched = condition(on, "the condition of `follow`");
    way.aliases.pop_back();
  }
  if (!matched) {
    block->broken = true;
    return;
  }
  way.relation->inputs[hop].on = matched;
  way.relation->inputs[hop].at_most_one = proved_single(way, hop);
  way.relation->anchored = way.relation->anchored && !many;
  const bool chained = way.relation->anchored;
  wrap(block);
  lose_anchor(*block, "follow");
  block->chained = chained;
}

// Gives the start a value for each column of the rows reached: its own of that name, or none.
void Checker::match_start(Block& way) {
  Follow& follow = *way.relation->follow;
  const auto& fields = way.subs[hop]->relation->fields;
  while (follow.first.size() < fields.size()) {
    const program::Field& field = fields[follow.first.size()];
    ExprPtr value;
    if (!field.name.starts_with(" ")) value = bare(way, keep_name(field.name), field.span).expr;
    if (value && !distance(value->type, field.expr->type)) {
      error(Code::type_mismatch, field.span, fmt::format("`{}` is {} where the way starts and {} on it", field.name, with_article(value->type.with_null(false)), with_article(field.expr->type.with_null(false))),
            "convert it: `keep { … }` with `to_text(…)`, `to_int(…)`");
      value = nullptr;
    }
    const Type type = field.expr->type.with_null();
    follow.first.push_back(value ? convert(std::move(value), type) : make({.kind = ExprKind::literal, .type = type, .span = field.span}));
  }
}

// A column of the row that was reached, or of the row before it.
Checker::Lookup Checker::reached(Block& way, std::string_view name, bool previous, Span span) {
  Block& rows = *way.subs[hop];
  Lookup inner = bare(rows, name, span);
  if (!inner.found || !inner.expr) return inner;
  Lookup start = bare(way, name, span);
  if (previous && !start.found) {
    error(Code::unknown_column, span, fmt::format("the first `prev` is the row where the way starts, which has no `{}`", name), "derive it there: `derive { … }` before the `follow`");
    return {true, true, nullptr};
  }
  const int field = expose(rows, std::string(name), inner.expr, span);
  match_start(way);
  const program::InputId input = previous ? way.relation->follow->previous : way.relation->inputs[hop].id;
  const bool nullable = inner.expr->type.nullable || !start.expr || start.expr->type.nullable;
  return {true, true, make({.kind = ExprKind::column, .type = inner.expr->type.with_null(nullable), .span = span, .input = input, .column = field})};
}

// `depth(h)` and `is_last(h)`, from wherever h is in sight.
ExprPtr Checker::place_on_way(Block& block, std::string_view alias, int column, Span span) {
  const program::Relation& relation = *block.relation;
  const Type type{column == 0 ? Kind::integer : Kind::boolean};
  if (relation.follow && relation.follow->each && column == 1 && relation.inputs[hop].alias == alias) {
    error(Code::unknown_clause, span, "`follow each` has no last rows: it comes to each row once, on one of its ways", fmt::format("ask for what is behind a row: `not exists(… where …)`; or use `follow many` in a tree"));
    return make({.kind = ExprKind::literal, .type = {Kind::boolean}, .span = span, .value = Value(false)});
  }
  if (relation.follow && relation.inputs[hop].alias == alias) return make({.kind = ExprKind::column, .type = type, .span = span, .input = relation.follow->place, .column = column});
  if (block.subs.empty() || !block.subs[0] || block.only_derived) return nullptr;
  ExprPtr inner = place_on_way(*block.subs[0], alias, column, span);
  if (!inner) return nullptr;
  const int field = expose(*block.subs[0], fmt::format("{}({})", column == 0 ? "depth" : "is_last", alias), inner, span);
  return make({.kind = ExprKind::column, .type = type, .span = span, .input = relation.inputs[0].id, .column = field});
}

ExprPtr Checker::place_call(NodeId node) {
  const std::string_view name = at(node).text;
  const NodeId argument = at(node).first_child;
  if (argument == ast::no_node || at(argument).kind != NodeKind::name || ast::child_count(*file_, node) != 1) {
    error(Code::wrong_arguments, at(node).span, fmt::format("`{}` takes the alias of a `follow`", name), fmt::format("write `{}(h)` behind `follow one R as h on …`", name));
    return nullptr;
  }
  for (Scope* scope = scope_; scope; scope = scope->outer) {
    if (scope->block->broken) return nullptr;
    if (ExprPtr place = place_on_way(*scope->block, at(argument).text, name == "depth" ? 0 : 1, at(node).span)) {
      if (!scope->group) return place;
      error(Code::aggregate_misplaced, at(node).span, fmt::format("`{}` may differ from row to row within a group", slice(at(node).span)), fmt::format("say which one: `max({})`", slice(at(node).span)));
      return nullptr;
    }
  }
  error(Code::unknown_name, at(argument).span, fmt::format("`{}` is not the alias of a `follow`", at(argument).text), fmt::format("write `follow one R as {} on …` before it", at(argument).text));
  return nullptr;
}

// Behind `follow one`, the condition that leaves one row for each start.
bool Checker::ends_way(const Block& block, const ExprPtr& condition) const {
  if (condition->kind == ExprKind::and_) return std::any_of(condition->args.begin(), condition->args.end(), [&](const ExprPtr& part) { return ends_way(block, part); });
  const Block* inside = &block;
  const Expr* at = condition.get();
  while (at->kind == ExprKind::column) {
    if (inside->relation->follow) return at->input == inside->relation->follow->place && at->column == 1;
    if (at->input != inside->relation->inputs[0].id || !inside->subs[0]) return false;
    at = inside->subs[0]->relation->fields[static_cast<std::size_t>(at->column)].expr.get();
    inside = inside->subs[0].get();
  }
  return false;
}

}  // namespace bfl::check
