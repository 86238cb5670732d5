// Expressions: one typed node for each node of the tree, literals, conversions, and the limits on what they may grow to.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/syntax/parse.h"

namespace bfl::check {

namespace {

constexpr int max_depth = 1'200;                        // of this recursion

std::string without_underscores(std::string_view text) {
  std::string plain;
  for (char c : text)
    if (c != '_') plain += c;
  return plain;
}

void add_weight(Expr& expr, const Expr& part) {
  expr.weight = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{expr.weight} + part.weight, program::max_weight + 1));
  expr.height = static_cast<std::uint16_t>(std::max<int>(expr.height, std::min<int>(part.height + 1, program::max_height + 1)));
}

void add_weight(Expr& expr, const program::Relation& relation) {
  for (const auto& input : relation.inputs) {
    if (input.on) add_weight(expr, *input.on);
    if (input.sub) add_weight(expr, *input.sub);
    for (const auto& more : input.united) add_weight(expr, *more);
    if (input.elements) add_weight(expr, *input.elements);
  }
  for (const auto& filter : relation.filters) add_weight(expr, *filter.condition);
  for (const auto& key : relation.group_by) add_weight(expr, *key);
  for (const auto& field : relation.fields) add_weight(expr, *field.expr);
  for (const auto& key : relation.order) add_weight(expr, *key.expr);
}

}  // namespace

void Checker::spend(std::size_t work) {
  expanded_ += work;
  expanded_in_all_ += work;
}

// Every stage behind walks what a step has grown to, shared parts once for each use.
bool Checker::affords(const program::Step& step) {
  Expr all;
  for (const auto& assertion : step.assertions) add_weight(all, *assertion.condition);
  for (const auto& assignment : step.assignments) add_weight(all, *assignment.value);
  if (step.relation) add_weight(all, *step.relation);
  spend(all.weight);
  if (exhausted()) too_large(step.name_span);
  return !exhausted();
}

ExprPtr Checker::too_large(Span span) {
  if (!too_large_reported_) {
    too_large_reported_ = true;
    diagnostics_.error(Code::expansion_too_large, span, "the definitions used here expand to more than can be handled",
                       "definitions that use others several times double with each level: use fewer levels");
  }
  return nullptr;
}

ExprPtr Checker::make(Expr expr) {
  for (const ExprPtr& argument : expr.args) {
    if (!argument) return nullptr;
    add_weight(expr, *argument);
  }
  if (expr.relation) add_weight(expr, *expr.relation);
  if (expr.aggregate) {
    if (expr.aggregate->operand) add_weight(expr, *expr.aggregate->operand);
    if (expr.aggregate->filter) add_weight(expr, *expr.aggregate->filter);
    for (const auto& key : expr.aggregate->order) add_weight(expr, *key.expr);
  }
  if (expr.window) {
    for (const ExprPtr& key : expr.window->partition) add_weight(expr, *key);
    for (const auto& key : expr.window->order) add_weight(expr, *key.expr);
  }
  if (definitions_open_ > 0) spend(1);
  if (exhausted()) return too_large(expr.span);
  if (expr.weight > program::max_weight || expr.height > program::max_height) return too_large(expr.span);
  return std::make_shared<const Expr>(std::move(expr));
}

ExprPtr Checker::constant_of(Value value, Type type, Span span) {
  type.nullable = value.is_null();
  return make({.kind = ExprKind::literal, .type = std::move(type), .span = span, .value = std::move(value)});
}

ExprPtr Checker::convert(ExprPtr expr, const Type& type) {
  if (!expr || (same_kind(expr->type, type) && expr->type.kind != Kind::array)) return expr;
  if (same_kind(expr->type, type)) return expr;
  const Type target = type.with_null(expr->type.nullable);
  if (type.kind == Kind::json && expr->type.kind == Kind::array) {
    if (!expr->type.element || expr->type.element->kind == Kind::null) return constant_of(Json{"[]"}, type, expr->span);
    const Span span = expr->span;
    const Type list = array_of(expr->type.element->with_null());
    return call_native("to_json", {list}, type.with_null(false), {std::move(expr)}, span);
  }
  if (expr->kind == ExprKind::literal) {
    if (expr->value.is_null()) return make({.kind = ExprKind::literal, .type = type.with_null(), .span = expr->span});
    return make({.kind = ExprKind::literal, .type = target, .span = expr->span, .value = widened(expr->value, target)});
  }
  const Span span = expr->span;
  return make({.kind = ExprKind::convert, .type = target, .span = span, .args = {std::move(expr)}});
}

const program::Native* Checker::intern(std::string_view name, const std::vector<Type>& params, const Type& result) {
  std::string key = signature(name, params);
  // `error` takes the type that its place wants: one native for each.
  if (const auto known = natives_.find(key); known != natives_.end()) return known->second;
  // What can go wrong with these is nothing, whatever the arguments: predicates and cuts of texts.
  static constexpr std::string_view total[] = {
      "lower(text)", "upper(text)", "trim(text)", "trim_start(text)", "trim_end(text)", "length(text)", "byte_length(text)", "starts_with(text,text)",
      "ends_with(text,text)", "contains(text,text)", "position(text,text)", "has_any(text,text)", "to_text(text)", "to_text(int)", "to_text(bool)",
      "left(text,int)", "right(text,int)", "year(date)", "month(date)", "day(date)", "year(timestamp)", "month(timestamp)", "day(timestamp)", "hour(timestamp)",
      "date_of(timestamp)", "at_midnight(date)", "greatest(int,int)", "least(int,int)", "sign(int)", "try_int(text)", "try_date(text)", "try_bool(text)"};
  auto native = std::make_unique<program::Native>();
  native->signature = key;
  native->name = name;
  native->params = params;
  native->result = result;
  native->can_fail = std::find(std::begin(total), std::end(total), key) == std::end(total);
  const program::Native* made = native.get();
  program.natives.push_back(std::move(native));
  natives_.emplace(std::move(key), made);
  return made;
}

ExprPtr Checker::call_native(std::string_view name, const std::vector<Type>& params, const Type& result, std::vector<ExprPtr> args, Span span) {
  bool nullable = result.nullable;
  for (std::size_t i = 0; i < args.size(); ++i) {
    args[i] = convert(std::move(args[i]), params[i]);
    if (!args[i]) return nullptr;
    nullable |= args[i]->type.nullable && !params[i].nullable;
  }
  const program::Native* native = intern(name, params, result);
  return make({.kind = ExprKind::call, .type = result.with_null(nullable), .span = span, .native = native, .args = std::move(args)});
}

ExprPtr Checker::condition(NodeId node, std::string_view what) {
  ExprPtr expr = expression(node);
  if (!expr) return nullptr;
  if (expr->type.kind == Kind::boolean) return expr;
  std::string help;
  if (expr->type.kind == Kind::null) help = "write `x == null` to ask for null";
  else if (is_number(expr->type.kind)) help = "compare it: `… != 0`";
  else if (expr->type.kind == Kind::text) help = "compare it: `… == \"…\"`, or ask `not blank(…)`";
  error(Code::not_boolean, at(node).span, fmt::format("{} is {}, expected true or false", what, with_article(expr->type)), std::move(help));
  return nullptr;
}

ExprPtr Checker::expression(NodeId node) {
  if (node == ast::no_node) return nullptr;
  const Within deeper(depth_, depth_ + 1);
  if (definitions_open_ > 0) spend(1);
  if (depth_ > max_depth || exhausted()) return too_large(at(node).span);
  switch (at(node).kind) {
    case NodeKind::null_: return make({.kind = ExprKind::literal, .type = {Kind::null, true}, .span = at(node).span});
    case NodeKind::true_: return constant_of(true, {Kind::boolean}, at(node).span);
    case NodeKind::false_: return constant_of(false, {Kind::boolean}, at(node).span);
    case NodeKind::integer:
    case NodeKind::decimal:
    case NodeKind::string:
    case NodeKind::string_piece:
    case NodeKind::date:
    case NodeKind::timestamp:
    case NodeKind::duration: return literal(node);
    case NodeKind::fstring: return format_string(node);
    case NodeKind::name: return name(node);
    case NodeKind::member: return member(node);
    case NodeKind::call: return call(node);
    case NodeKind::unary: return unary(node);
    case NodeKind::binary: return binary(node);
    case NodeKind::case_: return case_of(node);
    case NodeKind::array: return array(node);
    case NodeKind::object: return object(node);
    case NodeKind::size:
      error(Code::not_supported, at(node).span, fmt::format("a size like `{}` is no value of an expression", at(node).text), "write the number of bytes");
      return nullptr;
    case NodeKind::percent:
      error(Code::type_mismatch, at(node).span, fmt::format("`{}` is no value of an expression", at(node).text), "write a decimal: `5%` is `0.05`");
      return nullptr;
    case NodeKind::tuple:
      error(Code::type_mismatch, at(node).span, "several values where one is expected", "`(a, b)` may stand on the left of `in`; an array is `[a, b]`");
      return nullptr;
    case NodeKind::relation:
    case NodeKind::pick:
      error(Code::type_mismatch, at(node).span, fmt::format("`{}` is a relation, expected a value", slice(at(node).span)),
            "write `count(…)`, `exists(…)`, `first(… from … order by …)`, or `x in (… from …)`");
      return nullptr;
    case NodeKind::error: return nullptr;  // the parser has said why
    default: error(Code::unexpected_token, at(node).span, "an expression is expected here"); return nullptr;
  }
}

ExprPtr Checker::literal(NodeId node) {
  const ast::Node& written = at(node);
  const std::string_view text = written.text;
  switch (written.kind) {
    case NodeKind::integer:
      if (const auto value = parse_integer(text)) return constant_of(*value, {Kind::integer}, written.span);
      error(Code::integer_too_large, written.span, fmt::format("`{}` does not fit an int of 64 bits", text), fmt::format("write it as a decimal: `{}.0`", text));
      return nullptr;
    case NodeKind::decimal:
      if (const auto value = Decimal::parse(without_underscores(text))) return constant_of(*value, {Kind::decimal}, written.span);
      break;
    case NodeKind::date:
      if (const auto value = parse_date(text)) return constant_of(*value, {Kind::date}, written.span);
      break;
    case NodeKind::timestamp:
      if (const auto value = parse_timestamp(text)) return constant_of(*value, {Kind::timestamp}, written.span);
      break;
    case NodeKind::duration:
      if (const auto value = parse_duration(text)) return constant_of(*value, {Kind::duration}, written.span);
      break;
    default: {
      Diagnostics unwanted;
      auto content = syntax::string_content(*file_, node, quiet_ ? unwanted : diagnostics_);
      return content ? constant_of(std::move(*content), {Kind::text}, written.span) : nullptr;
    }
  }
  error(Code::invalid_literal, written.span, fmt::format("`{}` is not a valid {}", text, written.kind == NodeKind::decimal ? "decimal" : written.kind == NodeKind::date ? "date" : written.kind == NodeKind::timestamp ? "timestamp" : "duration"));
  return nullptr;
}

// f"…": the pieces joined, each value as `to_text` writes it.
ExprPtr Checker::format_string(NodeId node) {
  const std::vector<Type> texts{{Kind::text}, {Kind::text}};
  ExprPtr joined;
  bool good = true;
  for (NodeId part : ast::children(*file_, node)) {
    ExprPtr piece = expression(part);
    if (!piece) {
      good = false;
      continue;
    }
    if (piece->type.kind != Kind::text) {
      if (piece->type.kind == Kind::array || piece->type.kind == Kind::null) {
        error(Code::type_mismatch, at(part).span, fmt::format("{} has no form as text", with_article(piece->type)),
              piece->type.kind == Kind::array ? "join its elements: `concat_with(…, \", \")`" : "");
        good = false;
        continue;
      }
      const Type from = piece->type.with_null(false);
      piece = call_native("to_text", {from}, {Kind::text}, {std::move(piece)}, at(part).span);
    }
    if (!good || !piece) continue;
    joined = joined ? call_native("+", texts, {Kind::text}, {std::move(joined), std::move(piece)}, at(node).span) : std::move(piece);
    good &= joined != nullptr;
  }
  if (!good) return nullptr;
  return joined ? joined : constant_of(std::string(), {Kind::text}, at(node).span);
}

bool Checker::unify(std::vector<ExprPtr>& values, const std::vector<Span>& spans, std::string_view what, Type& type) {
  type = {Kind::null, false};
  std::size_t first = 0;
  bool good = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) {
      good = false;
      continue;
    }
    const auto both = common_type(type, values[i]->type);
    if (!both) {
      error(Code::type_mismatch, spans[i], fmt::format("{} is {}, the others are {}", what, with_article(values[i]->type.with_null(false)), with_article(type.with_null(false))),
            "convert one of them: `to_text(…)`, `to_int(…)`")
          .labels.push_back({spans[first], fmt::format("this is {}", with_article(values[first]->type.with_null(false)))});
      return false;
    }
    if (type.kind == Kind::null && both->kind != Kind::null) first = i;
    type = *both;
  }
  if (!good) return false;
  for (ExprPtr& value : values) value = convert(std::move(value), type);
  return true;
}

ExprPtr Checker::array(NodeId node) {
  std::vector<ExprPtr> items;
  std::vector<Span> spans;
  for (NodeId item : ast::children(*file_, node)) {
    items.push_back(expression(item));
    spans.push_back(at(item).span);
  }
  Type element;
  if (!unify(items, spans, "this element", element)) return nullptr;
  if (element.nullable && scope_) element.nullable = std::any_of(items.begin(), items.end(), [&](const ExprPtr& item) { return may_be_null(item, *scope_->block); });
  return make({.kind = ExprKind::array, .type = array_of(element), .span = at(node).span, .args = std::move(items)});
}

ExprPtr Checker::object(NodeId node) {
  std::vector<ExprPtr> parts;
  std::map<std::string, Span> seen;
  bool good = true;
  for (NodeId entry : ast::children(*file_, node)) {
    const std::string_view raw = at(entry).text;
    std::string key(raw);
    if (raw.starts_with('"') || raw.starts_with("r\"")) {
      Diagnostics unwanted;
      auto content = syntax::string_content(*file_, entry, quiet_ ? unwanted : diagnostics_);
      if (!content) {
        good = false;
        continue;
      }
      key = *content;
    }
    if (const auto [before, fresh] = seen.emplace(key, at(entry).name_span); !fresh) {
      error(Code::duplicate_name, at(entry).name_span, fmt::format("the key `{}` stands twice in one object", key), "leave one of them out")
          .labels.push_back({before->second, "first here"});
      good = false;
    }
    const NodeId written = at(entry).first_child;
    ExprPtr value = expression(written);
    if (value && (value->type.kind == Kind::bytes || value->type.kind == Kind::duration)) {
      error(Code::type_mismatch, at(written).span, fmt::format("{} has no form in JSON", with_article(value->type)), "write it as a text: `base64(…)`, `to_text(…)`");
      value = nullptr;
    }
    good &= value != nullptr;
    parts.push_back(constant_of(key, {Kind::text}, at(entry).span));
    parts.push_back(std::move(value));
  }
  if (!good) return nullptr;
  return make({.kind = ExprKind::object, .type = {Kind::json}, .span = at(node).span, .args = std::move(parts)});
}

ExprPtr Checker::case_of(NodeId node) {
  const bool has_subject = (at(node).flags & ast::flag::has_subject) != 0;
  ExprPtr subject, bound;
  std::uint32_t slot = 0;
  NodeId subject_node = ast::no_node;
  std::vector<ExprPtr> conditions, results;
  std::vector<Span> spans;
  bool good = true, has_else = false;
  // What the conditions say holds in the arms behind them.
  Block none;
  std::vector<ExprPtr>& known = scope_ ? scope_->block->not_null : none.not_null;
  const std::size_t known_before = known.size();
  for (NodeId part : ast::children(*file_, node)) {
    if (has_subject && subject_node == ast::no_node) {
      subject_node = part;
      subject = bound = expression(part);
      good &= subject != nullptr;
      if (subject && subject->kind != ExprKind::column && subject->kind != ExprKind::literal && subject->kind != ExprKind::local) {
        slot = ++next_slot_;
        subject = make({.kind = ExprKind::local, .type = bound->type, .span = bound->span, .slot = slot, .weight = bound->weight});
      }
      continue;
    }
    std::vector<NodeId> inner;
    for (NodeId child : ast::children(*file_, part)) inner.push_back(child);
    if (inner.empty()) continue;
    const NodeId result = inner.back();
    inner.pop_back();
    if (at(part).kind == NodeKind::case_else) {
      has_else = true;
    } else if (has_subject) {
      std::vector<ExprPtr> any;
      for (NodeId value : inner) {
        ExprPtr right = expression(value);
        any.push_back(subject && right ? compare(program::CompareOp::equal, subject, right, at(value).span, at(subject_node).span, at(value).span) : nullptr);
      }
      conditions.push_back(any.size() == 1 ? any[0] : make({.kind = ExprKind::or_, .type = {Kind::boolean}, .span = at(part).span, .args = std::move(any)}));
    } else {
      std::vector<ExprPtr> any;
      for (NodeId value : inner) any.push_back(condition(value, "the condition of an arm"));
      conditions.push_back(any.size() == 1 ? any[0] : make({.kind = ExprKind::or_, .type = {Kind::boolean}, .span = at(part).span, .args = std::move(any)}));
    }
    const ExprPtr asked = has_else || conditions.empty() ? nullptr : conditions.back();
    const std::size_t known_here = known.size();
    if (asked && scope_) note_not_null(*scope_->block, asked, true);
    results.push_back(expression(result));
    known.resize(known_here);
    if (asked && scope_) note_not_null(*scope_->block, asked, false);
    spans.push_back(at(result).span);
  }
  known.resize(known_before);
  Type type;
  if (results.empty()) {
    error(Code::empty_step, at(node).span, "a `case` without arms", "write `case { CONDITION => VALUE, else => VALUE }`");
    return nullptr;
  }
  if (!unify(results, spans, "this arm", type) || !good) return nullptr;
  Expr made{.kind = ExprKind::case_, .type = type, .span = at(node).span};
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i < conditions.size()) made.args.push_back(conditions[i]);
    made.args.push_back(results[i]);
  }
  if (!has_else && conditions.size() != results.size()) return nullptr;
  ExprPtr whole = make(std::move(made));
  if (slot == 0 || !whole) return whole;
  return make({.kind = ExprKind::bind, .type = type, .span = at(node).span, .slot = slot, .args = {bound, whole}});
}

}  // namespace bfl::check
