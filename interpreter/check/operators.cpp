// Operators: arithmetic by the table of what exists, comparisons without a third truth, `in`.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using ast::Op;
using program::CompareOp;

namespace {

struct OperatorRow { Op op; Kind left, right, result; };

// Numbers are widened to a common kind first; everything else stands here as it is.
constexpr OperatorRow operators[] = {
    {Op::add, Kind::integer, Kind::integer, Kind::integer},
    {Op::add, Kind::decimal, Kind::decimal, Kind::decimal},
    {Op::add, Kind::floating, Kind::floating, Kind::floating},
    {Op::add, Kind::text, Kind::text, Kind::text},
    {Op::add, Kind::duration, Kind::duration, Kind::duration},
    {Op::add, Kind::timestamp, Kind::duration, Kind::timestamp},
    {Op::add, Kind::duration, Kind::timestamp, Kind::timestamp},
    {Op::add, Kind::date, Kind::duration, Kind::date},
    {Op::add, Kind::duration, Kind::date, Kind::date},
    {Op::subtract, Kind::integer, Kind::integer, Kind::integer},
    {Op::subtract, Kind::decimal, Kind::decimal, Kind::decimal},
    {Op::subtract, Kind::floating, Kind::floating, Kind::floating},
    {Op::subtract, Kind::duration, Kind::duration, Kind::duration},
    {Op::subtract, Kind::timestamp, Kind::duration, Kind::timestamp},
    {Op::subtract, Kind::timestamp, Kind::timestamp, Kind::duration},
    {Op::subtract, Kind::date, Kind::duration, Kind::date},
    {Op::subtract, Kind::date, Kind::date, Kind::duration},
    {Op::multiply, Kind::integer, Kind::integer, Kind::integer},
    {Op::multiply, Kind::decimal, Kind::decimal, Kind::decimal},
    {Op::multiply, Kind::floating, Kind::floating, Kind::floating},
    {Op::multiply, Kind::duration, Kind::integer, Kind::duration},
    {Op::multiply, Kind::integer, Kind::duration, Kind::duration},
    {Op::divide, Kind::integer, Kind::integer, Kind::decimal},
    {Op::divide, Kind::decimal, Kind::decimal, Kind::decimal},
    {Op::divide, Kind::floating, Kind::floating, Kind::floating},
    {Op::divide, Kind::duration, Kind::integer, Kind::duration},
    {Op::divide, Kind::duration, Kind::duration, Kind::decimal},
};

std::string_view spelling(Op op) {
  switch (op) {
    case Op::add: return "+";
    case Op::subtract: return "-";
    case Op::multiply: return "*";
    default: return "/";
  }
}

std::string_view doing(Op op) {
  switch (op) {
    case Op::add: return "add";
    case Op::subtract: return "subtract";
    case Op::multiply: return "multiply";
    default: return "divide";
  }
}

CompareOp compare_op(Op op) {
  switch (op) {
    case Op::equal: return CompareOp::equal;
    case Op::not_equal: return CompareOp::not_equal;
    case Op::less: return CompareOp::less;
    case Op::less_equal: return CompareOp::less_equal;
    case Op::greater: return CompareOp::greater;
    default: return CompareOp::greater_equal;
  }
}

bool is_empty_text(const Expr& expr) { return expr.kind == ExprKind::literal && expr.type.kind == Kind::text && !expr.value.is_null() && expr.value.as<std::string>().empty(); }

}  // namespace

ExprPtr Checker::unary(NodeId node) {
  const NodeId inner = at(node).first_child;
  const Span span = at(node).span;
  if (at(node).op == Op::not_) return negated(condition(inner, "the operand of `not`"), span);
  if (inner != ast::no_node && at(inner).kind == NodeKind::integer)  // the least int has no positive
    if (const auto value = parse_integer("-" + std::string(at(inner).text))) return constant_of(*value, {Kind::integer}, span);
  ExprPtr operand = expression(inner);
  if (!operand) return nullptr;
  const Kind kind = operand->type.kind;
  if (operand->kind == ExprKind::literal && kind == Kind::decimal) return constant_of(operand->value.as<Decimal>().negated(), {Kind::decimal}, span);
  if (operand->kind == ExprKind::literal && kind == Kind::duration && operand->value.as<Duration>().micros != INT64_MIN)
    return constant_of(Duration{-operand->value.as<Duration>().micros}, {Kind::duration}, span);
  if (kind == Kind::null) return operand;
  if (!is_number(kind) && kind != Kind::duration) {
    error(Code::type_mismatch, at(inner).span, fmt::format("cannot negate {}", with_article(operand->type)), kind == Kind::boolean ? "write `not`" : "");
    return nullptr;
  }
  return call_native("negate", {Type{kind}}, {kind}, {std::move(operand)}, span);
}

ExprPtr Checker::negated(ExprPtr expr, Span span) { return make({.kind = ExprKind::not_, .type = {Kind::boolean}, .span = span, .args = {std::move(expr)}}); }

ExprPtr Checker::binary(NodeId node) {
  switch (at(node).op) {
    case Op::and_:
    case Op::or_: return connective(node);
    case Op::coalesce: return coalesce(node);
    case Op::in:
    case Op::not_in: return membership(node);
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide: return arithmetic(node);
    default: return comparison(node);
  }
}

// Operands of a chain of one operator, from left to right; chains are long where scripts are generated.
void Checker::flatten(NodeId node, Op op, std::vector<NodeId>& into) const {
  std::vector<NodeId> open{node};
  while (!open.empty()) {
    const NodeId next = open.back();
    open.pop_back();
    if (at(next).kind != NodeKind::binary || at(next).op != op) {
      into.push_back(next);
      continue;
    }
    open.push_back(ast::child_at(*file_, next, 1));
    open.push_back(ast::child_at(*file_, next, 0));
  }
}

ExprPtr Checker::connective(NodeId node) {
  const Op op = at(node).op;
  std::vector<NodeId> operands;
  flatten(node, op, operands);
  Expr made{.kind = op == Op::and_ ? ExprKind::and_ : ExprKind::or_, .type = {Kind::boolean}, .span = at(node).span};
  bool good = true;
  for (NodeId operand : operands) {
    made.args.push_back(condition(operand, op == Op::and_ ? "an operand of `and`" : "an operand of `or`"));
    good &= made.args.back() != nullptr;
  }
  return good ? make(std::move(made)) : nullptr;
}

ExprPtr Checker::coalesce(NodeId node) {
  std::vector<NodeId> operands;
  flatten(node, Op::coalesce, operands);
  std::vector<ExprPtr> values;
  std::vector<Span> spans;
  bool nullable = true;
  for (NodeId operand : operands) {
    values.push_back(expression(operand));
    spans.push_back(at(operand).span);
    if (values.back()) nullable &= values.back()->type.nullable;
  }
  Type type;
  if (!unify(values, spans, "this side of `??`", type)) return nullptr;
  return make({.kind = ExprKind::coalesce, .type = type.with_null(nullable), .span = at(node).span, .args = std::move(values)});
}

ExprPtr Checker::arithmetic(NodeId node) {
  // Down the left side without recursion, then up again.
  std::vector<NodeId> chain;
  NodeId left = node;
  const auto is_arithmetic = [&](NodeId at_node) {
    return at(at_node).kind == NodeKind::binary && (at(at_node).op == Op::add || at(at_node).op == Op::subtract || at(at_node).op == Op::multiply || at(at_node).op == Op::divide);
  };
  while (is_arithmetic(left)) {
    chain.push_back(left);
    left = ast::child_at(*file_, left, 0);
  }
  ExprPtr value = expression(left);
  for (std::size_t i = chain.size(); i-- > 0;) {
    ExprPtr right = expression(ast::child_at(*file_, chain[i], 1));
    value = apply(at(chain[i]).op, at(chain[i]).name_span, at(chain[i]).span, std::move(value), std::move(right));
  }
  return value;
}

ExprPtr Checker::apply(Op op, Span op_span, Span span, ExprPtr left, ExprPtr right) {
  if (!left || !right) return nullptr;
  Type a = left->type.with_null(false), b = right->type.with_null(false);
  if (a.kind == Kind::null) a = b;  // null with anything is null
  if (b.kind == Kind::null) b = a;
  if (is_number(a.kind) && is_number(b.kind)) a = b = *common_type(a, b);
  if (a.kind == Kind::timestamp && b.kind == Kind::date && op == Op::subtract) b = a;
  if (a.kind == Kind::date && b.kind == Kind::timestamp && op == Op::subtract) a = b;
  for (const OperatorRow& row : operators)
    if (row.op == op && row.left == a.kind && row.right == b.kind) return call_native(spelling(op), {a, b}, {row.result}, {std::move(left), std::move(right)}, span);

  if (op == Op::add && a.kind == Kind::array && b.kind == Kind::array)  // one behind the other
    if (const auto both = common_type(a, b); both && both->element && both->element->kind != Kind::bytes && both->element->kind != Kind::null)
      return call_native(spelling(op), {*both, *both}, *both, {std::move(left), std::move(right)}, span);

  std::string help;
  if (op == Op::add && a.kind == Kind::array) help = "an array takes another of its kind: `+ [x]` adds one element";
  else if (op == Op::add && (a.kind == Kind::text || b.kind == Kind::text)) help = "write f\"{a}{b}\", or convert with `to_text(…)`";
  else if (op == Op::add && (a.kind == Kind::date || a.kind == Kind::timestamp) && is_number(b.kind)) help = "add a duration: `+ 24h`, or `add_days(…)`, `add_months(…)` of std.time";
  else if (a.kind == Kind::text || b.kind == Kind::text) help = "convert the text: `to_int(…)`, `to_decimal(…)`";
  else if (a.kind == Kind::json || b.kind == Kind::json) help = "take the number out: `json_get_int(…)`, `json_get_decimal(…)`";
  Diagnostic& wrong = error(Code::type_mismatch, op_span, fmt::format("cannot {} {} and {}", doing(op), to_string(a), to_string(b)), std::move(help));
  wrong.labels.push_back({left->span, to_string(a)});
  wrong.labels.push_back({right->span, to_string(b)});
  return nullptr;
}

ExprPtr Checker::comparison(NodeId node) {
  const NodeId left_node = ast::child_at(*file_, node, 0), right_node = ast::child_at(*file_, node, 1);
  ExprPtr left = expression(left_node), right = expression(right_node);
  if (!left || !right) return nullptr;
  const auto plain = [&](NodeId side) { return at(side).kind == NodeKind::name || at(side).kind == NodeKind::member; };
  if (plain(left_node) && plain(right_node) && left->kind == ExprKind::column && right->kind == ExprKind::column && left->input == right->input &&
      left->column == right->column && !environment_) {
    error(Code::self_comparison, at(node).span, fmt::format("`{}` compares a column with itself", slice(at(node).span)),
          "one side was meant to be another row's: write it with its alias, `c." + std::string(at(right_node).text) + "`");
    return nullptr;
  }
  const CompareOp op = compare_op(at(node).op);
  if (op == CompareOp::equal || op == CompareOp::not_equal)
    for (const auto& [one, other] : {std::pair{&left, &right}, std::pair{&right, &left}})
      if (is_empty_text(**one) && (*other)->type.nullable && (*other)->type.kind == Kind::text && !environment_)
        warning(Code::blank_comparison, at(node).span, fmt::format("`{}` may be null, which is not the empty text", slice(at(one == &left ? right_node : left_node).span)),
                "`blank(x)` is true for null, the empty text and white space");
  return compare(op, std::move(left), std::move(right), at(node).name_span, at(left_node).span, at(right_node).span);
}

ExprPtr Checker::compare(CompareOp op, ExprPtr left, ExprPtr right, Span span, Span left_span, Span right_span) {
  const auto both = common_type(left->type, right->type);
  const bool ordering = op != CompareOp::equal && op != CompareOp::not_equal;
  if (!both || (ordering && !is_ordered(both->kind))) {
    const Type a = left->type.with_null(false), b = right->type.with_null(false);
    std::string help;
    const auto either = [&](Kind one, Kind other) { return (a.kind == one && b.kind == other) || (a.kind == other && b.kind == one); };
    if (both) help = "only `==` and `!=` compare them";
    else if (either(Kind::text, Kind::date)) help = "a date is written without quotes, `2025-03-01`; a text column is read with `to_date(…)`";
    else if (either(Kind::text, Kind::timestamp)) help = "a timestamp is written without quotes, `2025-03-01T10:00:00Z`; a text column is read with `to_timestamp(…)`";
    else if (either(Kind::text, Kind::uuid)) help = "convert the text: `to_uuid(…)`";
    else if (either(Kind::text, Kind::json)) help = "take the text out of the document: `json_get_text(…)`, or read the text: `json_parse(…)`";
    else if (either(Kind::text, Kind::boolean)) help = "convert the text: `to_bool(…)`";
    else if (either(Kind::boolean, Kind::integer)) help = "a truth is `true` or `false`; convert the number: `to_bool(…)`";
    else if (a.kind == Kind::text || b.kind == Kind::text) help = "convert one of them: `to_int(…)`, `to_decimal(…)`, `to_text(…)`";
    Diagnostic& wrong = error(Code::type_mismatch, span, both ? fmt::format("{} values have no order", to_string(a)) : fmt::format("cannot compare {} and {}", to_string(a), to_string(b)), std::move(help));
    wrong.labels.push_back({left_span, to_string(a)});
    wrong.labels.push_back({right_span, to_string(b)});
    return nullptr;
  }
  return make({.kind = ExprKind::compare, .type = {Kind::boolean}, .span = join(left_span, right_span), .op = op,
               .args = {convert(std::move(left), *both), convert(std::move(right), *both)}});
}

ExprPtr Checker::membership(NodeId node) {
  const NodeId subject = ast::child_at(*file_, node, 0), set = ast::child_at(*file_, node, 1);
  const auto signed_result = [&](ExprPtr expr) { return expr && at(node).op == Op::not_in ? negated(std::move(expr), at(node).span) : expr; };
  if (at(set).kind == NodeKind::pick || at(set).kind == NodeKind::relation) return signed_result(membership_in_relation(node, subject, set));

  ExprPtr value = expression(subject);
  if (at(set).kind == NodeKind::array || at(set).kind == NodeKind::tuple) {
    std::vector<NodeId> elements;
    for (NodeId element : ast::children(*file_, set)) elements.push_back(element);
    return signed_result(membership_in_list(node, std::move(value), elements));
  }
  // `x in (5)`, a parameter that is an array, an array that is computed.
  if (at(set).kind == NodeKind::name)
    if (const auto declared = names_.find(at(set).text); declared != names_.end() && declared->second.kind == Declared::let) {
      error(Code::type_mismatch, at(set).span, fmt::format("`{}` is a relation: which of its columns?", at(set).text), fmt::format("write `in (COLUMN from {})`", at(set).text));
      declared->second.used = true;
      return nullptr;
    }
  ExprPtr list = expression(set);
  if (!value || !list) return nullptr;
  if (list->type.kind != Kind::array) return signed_result(compare(CompareOp::equal, std::move(value), std::move(list), at(node).name_span, at(subject).span, at(set).span));
  const Type element = list->type.element ? *list->type.element : Type{};
  if (list->kind == ExprKind::literal && !list->value.is_null()) {
    const auto both = common_type(value->type, element);
    if (!both) {
      error(Code::type_mismatch, at(node).name_span, fmt::format("cannot look for {} among {}", with_article(value->type.with_null(false)), to_string(list->type)));
      return nullptr;
    }
    Expr made{.kind = ExprKind::in_list, .type = {Kind::boolean}, .span = at(node).span};
    made.args.push_back(convert(std::move(value), *both));
    if (const Array& items = list->value.as<Array>(); items.items)
      for (const Value& item : *items.items) made.args.push_back(convert(constant_of(item, element, at(set).span), *both));
    return signed_result(make(std::move(made)));
  }
  const bool known = element.kind == Kind::text || element.kind == Kind::integer || element.kind == Kind::decimal || element.kind == Kind::date || element.kind == Kind::timestamp;
  if (known && distance(value->type, element)) {
    const std::vector<Type> params{list->type.with_null(false), element.with_null(false)};
    return signed_result(call_native("has_item", params, {Kind::boolean}, {std::move(list), std::move(value)}, at(node).span));
  }
  error(Code::type_mismatch, at(set).span, fmt::format("`in` takes a list, a relation or an array of {} values, found {}", value->type.kind == Kind::null ? "such" : kind_name(value->type.kind), with_article(list->type)), "write the values: `in [1, 2]`");
  return nullptr;
}

ExprPtr Checker::membership_in_list(NodeId node, ExprPtr subject, const std::vector<NodeId>& elements) {
  std::vector<ExprPtr> values;
  std::vector<Span> spans;
  for (NodeId element : elements) {
    values.push_back(expression(element));
    spans.push_back(at(element).span);
  }
  Type type;
  if (!unify(values, spans, "this element", type) || !subject) return nullptr;
  const auto both = common_type(subject->type, type);
  if (!both) {
    error(Code::type_mismatch, at(node).name_span, fmt::format("cannot look for {} among values of type {}", with_article(subject->type.with_null(false)), to_string(type.with_null(false))))
        .labels.push_back({subject->span, to_string(subject->type.with_null(false))});
    return nullptr;
  }
  Expr made{.kind = ExprKind::in_list, .type = {Kind::boolean}, .span = at(node).span};
  made.args.push_back(convert(std::move(subject), *both));
  for (ExprPtr& value : values) made.args.push_back(convert(std::move(value), *both));
  return make(std::move(made));
}

// `E in (E from R)`: is there a row of R with that value?
ExprPtr Checker::membership_in_relation(NodeId node, NodeId subject, NodeId set) {
  if (at(set).kind == NodeKind::relation || at(set).first_child == ast::no_node) {
    error(Code::type_mismatch, at(set).span, fmt::format("`{}` is a relation: which of its columns?", slice(at(set).span)), fmt::format("write `in (COLUMN from {})`", slice(at(set).span)));
    return nullptr;
  }
  const NodeId wanted = at(set).first_child;
  std::vector<NodeId> left, right;
  const auto spread = [&](NodeId from, std::vector<NodeId>& into) {
    if (at(from).kind != NodeKind::tuple) return into.push_back(from);
    for (NodeId child : ast::children(*file_, from)) into.push_back(child);
  };
  spread(subject, left);
  spread(wanted, right);
  std::vector<ExprPtr> values;
  for (NodeId value : left) values.push_back(expression(value));

  const NodeId from = at(wanted).next_sibling;
  if (from == ast::no_node || at(from).kind != NodeKind::clause || at(from).word != "from") {
    error(Code::type_mismatch, at(set).span, "`in` takes a list or a column of a relation", "write `in [1, 2]` or `in (COLUMN from RELATION)`");
    return nullptr;
  }
  BlockPtr block = relation(at(from).first_child, scope_);
  for (NodeId clause = at(from).next_sibling; clause != ast::no_node; clause = at(clause).next_sibling) apply_clause(block, clause, scope_);
  open(block);
  prepare_windows(block, wanted);
  if (left.size() != right.size()) {
    error(Code::type_mismatch, at(node).name_span, fmt::format("{} value{} cannot be looked for among {}", left.size(), left.size() == 1 ? "" : "s", right.size()), "both sides of `in` have as many values");
    return nullptr;
  }
  std::vector<ExprPtr> equal;
  bool good = true;
  {
    Scope inside{.block = block.get(), .outer = scope_};
    const Within scope(scope_, &inside);
    for (std::size_t i = 0; i < right.size(); ++i) {
      ExprPtr found = expression(right[i]);
      equal.push_back(found && values[i] ? compare(CompareOp::equal, std::move(found), values[i], at(node).name_span, at(right[i]).span, at(left[i]).span) : nullptr);
      good &= equal.back() != nullptr;
    }
  }
  if (!good || block->broken) return nullptr;
  for (ExprPtr& condition : equal) block->relation->filters.push_back({.condition = condition, .after_inputs = block->relation->inputs.size()});
  return subquery(std::move(block), {.kind = program::AggregateKind::exists}, {Kind::boolean}, at(node).span);
}

}  // namespace bfl::check
