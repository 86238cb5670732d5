// Aggregates: over the rows of a group, and over a relation as one value of any expression.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::Aggregate;
using program::AggregateKind;

std::optional<AggregateKind> aggregate_named(std::string_view name) {
  static const std::unordered_map<std::string_view, AggregateKind> kinds = {
      {"count", AggregateKind::count}, {"count_distinct", AggregateKind::count_distinct}, {"sum", AggregateKind::sum}, {"min", AggregateKind::min},
      {"max", AggregateKind::max},     {"avg", AggregateKind::average},                   {"average", AggregateKind::average}, {"any", AggregateKind::any},
      {"every", AggregateKind::every}, {"first", AggregateKind::first},                   {"last", AggregateKind::last}, {"list", AggregateKind::list}, {"fold", AggregateKind::fold}, {"exists", AggregateKind::exists}};
  const auto found = kinds.find(name);
  return found == kinds.end() ? std::nullopt : std::optional(found->second);
}

namespace {

bool is_ranked(AggregateKind kind) { return kind == AggregateKind::first || kind == AggregateKind::last || kind == AggregateKind::list; }

}  // namespace

// Checks the operand and gives the type of the aggregate.
bool Checker::finish_aggregate(NodeId node, AggregateKind kind, const ExprPtr& operand, bool may_be_empty, const Block& rows, Type& type) {
  const std::string_view name = at(node).text;
  const auto wrong = [&](std::string_view expected) {
    error(Code::type_mismatch, operand->span, fmt::format("`{}` takes {}, found {}", name, expected, with_article(operand->type.with_null(false))),
          kind == AggregateKind::sum && operand->type.kind == Kind::boolean ? "count the rows: `count(where …)`" : "");
    return false;
  };
  const auto may_give_null = [&] { return may_be_empty || may_be_null(operand, rows); };
  switch (kind) {
    case AggregateKind::count:
    case AggregateKind::count_distinct: type = {Kind::integer}; return true;
    case AggregateKind::exists: type = {Kind::boolean}; return true;
    case AggregateKind::sum:
      if (!is_number(operand->type.kind)) return wrong("numbers");
      type = operand->type.with_null(false);
      return true;
    case AggregateKind::average:
      if (!is_number(operand->type.kind)) return wrong("numbers");
      type = {operand->type.kind == Kind::floating ? Kind::floating : Kind::decimal, may_give_null()};
      return true;
    case AggregateKind::min:
    case AggregateKind::max:
      if (!is_ordered(operand->type.kind) || operand->type.kind == Kind::null) return wrong("values that have an order");
      type = operand->type.with_null(may_give_null());
      return true;
    case AggregateKind::any:
    case AggregateKind::every:
      if (operand->type.kind != Kind::boolean) return wrong("conditions");
      type = {Kind::boolean};
      return true;
    case AggregateKind::first:
    case AggregateKind::last:
      type = operand->type.with_null(may_give_null());
      return true;
    case AggregateKind::list:
      if (operand->type.kind == Kind::array || operand->type.kind == Kind::null) return wrong("values that are no arrays");
      type = array_of(operand->type);
      return true;
    case AggregateKind::clusters: case AggregateKind::fold: return false;  // made elsewhere
  }
  return false;
}

ExprPtr Checker::aggregate_call(NodeId node, AggregateKind kind) {
  const std::string_view name = at(node).text;
  if (kind == AggregateKind::fold) {
    error(Code::aggregate_misplaced, at(node).span, "`fold` goes over rows in an order: of which?", "say it: `fold(START, NEXT) over (partition by … order by …)`");
    return nullptr;
  }
  const NodeId argument = at(node).first_child;
  if (argument != ast::no_node && at(argument).next_sibling != ast::no_node) {
    error(Code::wrong_arguments, at(node).span, fmt::format("`{}` takes one argument, got {}", name, ast::child_count(*file_, node)),
          kind == AggregateKind::max ? "the larger of two values is `greatest(a, b)`" : kind == AggregateKind::min ? "the smaller of two values is `least(a, b)`" : "");
    return nullptr;
  }
  const NodeKind shape = argument == ast::no_node ? NodeKind::error : at(argument).kind;
  const bool takes_relation = kind == AggregateKind::count || kind == AggregateKind::exists;
  bool over_relation = shape == NodeKind::relation && takes_relation;  // `sum(x where C)` has the shape of one, too
  if (shape == NodeKind::pick)
    for (NodeId part : ast::children(*file_, argument)) over_relation |= at(part).kind == NodeKind::clause && at(part).word == "from";
  if (takes_relation && (shape == NodeKind::name || shape == NodeKind::member)) over_relation = true;
  if (over_relation) return aggregate_of_relation(node, kind, argument);
  if (scope_ && scope_->group) return aggregate_of_group(node, kind);

  if (argument == ast::no_node || takes_relation) {
    error(argument == ast::no_node && !takes_relation ? Code::wrong_arguments : Code::aggregate_misplaced, at(node).span,
          takes_relation && argument != ast::no_node ? fmt::format("`{}` takes a relation", name) : fmt::format("`{}` of what: there is no group here", name),
          takes_relation ? fmt::format("write `{}(RELATION where …)`", name) : fmt::format("write `{}(E from RELATION)`", name));
    return nullptr;
  }
  const NodeId shown = shape == NodeKind::pick || shape == NodeKind::relation ? at(argument).first_child : argument;
  error(Code::aggregate_misplaced, at(node).span, fmt::format("`{}` sums up the rows of a group, and there is no group here", name),
        fmt::format("name the relation: `{}({} from RELATION)`{}", name, shown == ast::no_node ? "E" : slice(at(shown).span),
                    kind == AggregateKind::max ? "; the larger of two values is `greatest(a, b)`" : kind == AggregateKind::min ? "; the smaller of two values is `least(a, b)`" : ""));
  return nullptr;
}

ExprPtr Checker::aggregate_of_group(NodeId node, AggregateKind kind) {
  Block& block = *scope_->block;
  Scope rows{.block = &block, .outer = scope_->outer};
  const Within scope(scope_, &rows);
  auto aggregate = read_aggregate(node, kind, {});
  Type type;
  if (!aggregate || !finish_aggregate(node, kind, aggregate->operand, aggregate->filter != nullptr || block.relation->group_by.empty(), block, type)) return nullptr;
  if (kind == AggregateKind::list) type = list_type(*aggregate, block);
  return make({.kind = ExprKind::aggregate, .type = type, .span = at(node).span, .aggregate = std::move(aggregate)});
}

// What stands in the parentheses, over the rows of the scope; `otherwise` orders them when nothing is said there.
std::shared_ptr<Aggregate> Checker::read_aggregate(NodeId node, AggregateKind kind, const std::vector<program::OrderKey>& otherwise) {
  const std::string_view name = at(node).text;
  NodeId argument = at(node).first_child;
  if (argument != ast::no_node && at(argument).kind == NodeKind::over) argument = ast::no_node;
  if (argument != ast::no_node && at(argument).next_sibling != ast::no_node && at(at(argument).next_sibling).kind != NodeKind::over) {
    error(Code::wrong_arguments, at(node).span, fmt::format("`{}` takes one argument", name));
    return nullptr;
  }
  NodeId operand_node = argument;
  std::vector<NodeId> clauses;
  if (argument != ast::no_node && (at(argument).kind == NodeKind::pick || at(argument).kind == NodeKind::relation)) {
    operand_node = ast::no_node;
    for (NodeId part : ast::children(*file_, argument)) {
      if (at(part).kind == NodeKind::clause) clauses.push_back(part);
      else operand_node = part;
    }
  } else if (argument != ast::no_node && at(argument).kind == NodeKind::clause) {
    operand_node = ast::no_node;
    for (NodeId part : ast::children(*file_, node)) clauses.push_back(part);
  }
  const bool takes_operand = kind != AggregateKind::count && kind != AggregateKind::exists;
  if (takes_operand != (operand_node != ast::no_node)) {
    error(Code::wrong_arguments, at(node).span, takes_operand ? fmt::format("`{}` of what?", name) : fmt::format("`{}` counts rows and takes no value", name),
          takes_operand ? fmt::format("write `{}(COLUMN)`", name) : "write `count()`, `count(where C)` or `count_distinct(E)`");
    return nullptr;
  }
  Block& block = *scope_->block;
  auto aggregate = std::make_shared<Aggregate>();
  aggregate->kind = kind;
  bool good = true;
  if (takes_operand) good &= (aggregate->operand = expression(operand_node)) != nullptr;
  for (NodeId clause : clauses) {
    if (at(clause).word == "where") {
      ExprPtr filter = condition(at(clause).first_child, "the `where` of an aggregate");
      good &= filter != nullptr;
      if (aggregate->filter && filter)
        filter = make({.kind = ExprKind::and_, .type = {Kind::boolean}, .span = at(clause).span, .args = {aggregate->filter, filter}});
      aggregate->filter = filter;
    } else if (at(clause).word == "order") {
      aggregate->order = order_keys(clause);
      good &= !aggregate->order.empty();
    } else {
      error(Code::unknown_clause, at(clause).span, fmt::format("an aggregate has no `{}`", at(clause).word), "it takes `where C` and `order by K`");
      good = false;
    }
  }
  if (!good || block.broken) return nullptr;
  if (!is_ranked(kind)) {
    aggregate->order.clear();
    return aggregate;
  }
  if (aggregate->order.empty()) aggregate->order = otherwise;
  if (aggregate->order.empty()) {
    error(Code::order_dependent, at(node).span, fmt::format("`{}` of what order?", name), fmt::format("write `{}({} order by …)`", name, slice(at(operand_node).span)));
    return nullptr;
  }
  add_row_key(block, aggregate->order);
  return aggregate;
}

ExprPtr Checker::aggregate_of_relation(NodeId node, AggregateKind kind, NodeId argument) {
  const std::string_view name = at(node).text;
  const bool takes_operand = kind != AggregateKind::count && kind != AggregateKind::exists;
  BlockPtr block;
  NodeId operand_node = ast::no_node;
  Aggregate aggregate{.kind = kind};
  bool good = true;
  if (at(argument).kind != NodeKind::pick) {
    block = relation(argument, scope_);
  } else {
    std::vector<NodeId> clauses;
    for (NodeId part : ast::children(*file_, argument)) {
      if (at(part).kind != NodeKind::clause && at(part).kind != NodeKind::alias) operand_node = part;
      else if (at(part).kind == NodeKind::clause) clauses.push_back(part);
    }
    for (NodeId clause : clauses) {
      if (at(clause).word == "from") block = relation(at(clause).first_child, scope_);
      else if (block) apply_clause(block, clause, scope_);
    }
  }
  if (!block) return nullptr;
  if (takes_operand != (operand_node != ast::no_node)) {
    error(Code::wrong_arguments, at(node).span,
          takes_operand ? fmt::format("`{}` of which column?", name) : fmt::format("`{}` counts rows and takes no value", name),
          takes_operand ? fmt::format("write `{}(COLUMN from {})`", name, slice(at(argument).span)) : fmt::format("write `{}(RELATION)`{}", name, kind == AggregateKind::count ? ", or `count_distinct(E from RELATION)`" : ""));
    return nullptr;
  }
  const bool ranked = is_ranked(kind);
  const BlockPtr limited = block->relation->limit ? block : nullptr;
  if (!limited && !ranked) block->relation->order.clear();
  open(block);
  if (limited && ranked && !block->broken)  // the limit's order is that of its rows
    for (std::size_t i = 0; i < limited->relation->order.size(); ++i) {
      const auto& [key, descending] = limited->relation->order[i];
      const int field = expose(*limited, fmt::format(" order {}", i), key, key->span);
      block->relation->order.push_back({make({.kind = ExprKind::column, .type = key->type, .span = key->span, .input = block->relation->inputs[0].id, .column = field}), descending});
    }
  if (takes_operand) {
    prepare_windows(block, operand_node);
    Scope inside{.block = block.get(), .outer = scope_};
    const Within scope(scope_, &inside);
    aggregate.operand = expression(operand_node);
    good &= aggregate.operand != nullptr;
  }
  if (!good || block->broken) return nullptr;
  aggregate.order = std::move(block->relation->order);
  block->relation->order.clear();
  if (ranked && aggregate.order.empty()) {
    error(Code::order_dependent, at(node).span, fmt::format("`{}` of what order?", name), fmt::format("write `{}({} from … order by …)`", name, slice(at(operand_node).span)));
    return nullptr;
  }
  if (ranked) add_row_key(*block, aggregate.order);
  Type type;
  if (!finish_aggregate(node, kind, aggregate.operand, true, *block, type)) return nullptr;
  if (kind == AggregateKind::list) type = list_type(aggregate, *block);
  return subquery(std::move(block), std::move(aggregate), type, at(node).span);
}

// What the filters have compared with null is not among the elements.
Type Checker::list_type(const Aggregate& aggregate, Block& block) {
  Block facts;
  facts.not_null = block.not_null;
  if (aggregate.filter) note_not_null(facts, aggregate.filter, true);
  return array_of(aggregate.operand->type.with_null(may_be_null(aggregate.operand, facts)));
}

ExprPtr Checker::subquery(BlockPtr block, Aggregate aggregate, Type type, Span span) {
  if (block->broken) return nullptr;
  if (aggregate.operand) block->relation->fields = {{.name = "value", .expr = aggregate.operand, .span = span}};
  return make({.kind = ExprKind::subquery, .type = std::move(type), .span = span, .relation = block->relation, .aggregate = std::make_shared<const Aggregate>(std::move(aggregate))});
}

}  // namespace bfl::check
