// `match E { "a" { … } else skip }`: rows of one step that become different things by what E is.
//
// The arms become one relation: the joins of an arm take place only where its values fit, and each column is set by a `case`
// over the arms. So the table is walked once, whatever the number of arms.
#include <algorithm>

#include "interpreter/base/value.h"
#include "interpreter/check/checker.h"

namespace bfl::check {

using program::Assignment;
using program::Step;

ExprPtr Checker::either(std::vector<ExprPtr> parts, Span span) {
  if (parts.size() == 1) return parts[0];
  return make({.kind = ExprKind::or_, .type = {Kind::boolean}, .span = span, .args = std::move(parts)});
}

// What an arm asks for; null when a mistake was reported. `taken`: the values of the arms before it.
ExprPtr Checker::arm_condition(NodeId arm, const ExprPtr& subject, Span subject_span, std::map<std::string, Span>& taken) {
  std::vector<ExprPtr> values;
  bool good = true;
  for (NodeId part : ast::children(*file_, arm)) {
    if (at(part).kind == NodeKind::body) continue;
    const Span span = at(part).span;
    ExprPtr value = expression(part);
    if (!value) return nullptr;
    if (value->kind != ExprKind::literal) {
      error(Code::not_constant, span, fmt::format("the values of an arm are literals, found `{}`", slice(span)), "write the value itself");
      return nullptr;
    }
    const auto [before, fresh] = taken.emplace(to_literal(value->value), span);
    if (!fresh) {
      error(Code::arms_overlap, span, fmt::format("{} stands in two arms", slice(span)), "leave it in one of them").labels.push_back({before->second, "first here"});
      good = false;
    }
    ExprPtr equal = compare(program::CompareOp::equal, subject, std::move(value), span, subject_span, span);
    good &= equal != nullptr;
    values.push_back(std::move(equal));
  }
  return good && !values.empty() ? either(std::move(values), at(arm).span) : nullptr;
}

// The clauses and `set`s of an arm; what it sets.
std::vector<Assignment> Checker::arm_body(const Step& step, BlockPtr& block, NodeId arm, const ExprPtr& applies) {
  Step own{.name = step.name, .kind = step.kind, .target = step.target};
  const std::size_t aliases = block->aliases.size();
  const auto derived = block->derived;
  std::unordered_map<int, Span> seen;
  const NodeId body = ast::child(*file_, arm, NodeKind::body);
  for (NodeId statement : ast::children(*file_, body)) {
    const std::string_view word = at(statement).word;
    auto& relation = *block->relation;
    const std::size_t inputs = relation.inputs.size(), filters = relation.filters.size();
    if (word == "set") {
      assign(own, *block, statement, seen);
    } else if (word == "join" && at(statement).op != ast::Op::join_many) {
      join_rows(block, statement, nullptr);
      if (relation.inputs.size() == inputs || block->broken) continue;
      program::Input& joined = relation.inputs.back();
      joined.on = make({.kind = ExprKind::and_, .type = {Kind::boolean}, .span = joined.span, .args = {applies, joined.on}});
      if (joined.kind == program::InputKind::one) joined.when = applies;
    } else if (word == "derive") {
      derive(block, statement, nullptr);
    } else if (word == "where" || word == "skip") {
      where(block, statement, nullptr, word == "skip");
      if (relation.filters.size() == filters) continue;
      program::Filter& filter = relation.filters.back();
      const Span span = at(statement).span;
      filter.condition = filter.skip ? make({.kind = ExprKind::and_, .type = {Kind::boolean}, .span = span, .args = {applies, filter.condition}})
                                     : make({.kind = ExprKind::or_, .type = {Kind::boolean}, .span = span, .args = {negated(applies, span), filter.condition}});
    } else if (at(statement).kind != NodeKind::error) {
      error(Code::unknown_clause, at(statement).span, fmt::format("an arm has no `{}`", word), "in an arm stand `join one`, `join optional`, `where`, `skip where`, `derive` and `set`");
    }
  }
  block->aliases.resize(std::min(aliases, block->aliases.size()));
  block->derived = derived;
  return std::move(own.assignments);
}

void Checker::match(Step& step, BlockPtr& block, NodeId statement) {
  open(block);
  if (block->broken) return;
  const NodeId written = at(statement).first_child;
  ExprPtr subject;
  std::vector<NodeId> arms;
  std::vector<ExprPtr> conditions;
  NodeId otherwise = ast::no_node;
  {
    Scope inside{.block = block.get(), .outer = nullptr};
    const Within scope(scope_, &inside);
    subject = expression(written);
    std::map<std::string, Span> taken;
    for (NodeId part : ast::children(*file_, statement)) {
      if (at(part).kind == NodeKind::case_else) otherwise = part;
      if (at(part).kind != NodeKind::case_arm) continue;
      arms.push_back(part);
      conditions.push_back(subject ? arm_condition(part, subject, at(written).span, taken) : nullptr);
    }
  }
  if (otherwise == ast::no_node) error(Code::arms_overlap, at(statement).span, "what becomes of rows that fit no arm?", "end with `else skip \"reason\"`, or with `else error`");
  if (arms.empty()) error(Code::empty_step, at(statement).span, "the `match` has no arm", "write `match E { \"value\" { set … } else skip }`");
  if (arms.empty() || std::find(conditions.begin(), conditions.end(), nullptr) != conditions.end()) return;

  if (const NodeId skip = ast::child(*file_, otherwise, NodeKind::else_skip); otherwise != ast::no_node && skip != ast::no_node) {
    const Span span = at(skip).span;
    std::string reason = "no arm fits";
    if (const NodeId text = at(skip).first_child; text != ast::no_node)
      if (ExprPtr content = expression(text); content && content->kind == ExprKind::literal && content->type.kind == Kind::text) reason = content->value.as<std::string>();
    block->relation->filters.push_back({.condition = negated(either(conditions, span), span), .after_inputs = block->relation->inputs.size(), .skip = true, .reason = std::move(reason)});
    otherwise = skip;
  }
  const bool skips = otherwise != ast::no_node && at(otherwise).kind == NodeKind::else_skip;

  std::map<int, std::vector<ExprPtr>> columns;  // by arm; null: it leaves the column as it is
  std::map<int, Span> spans;
  for (std::size_t arm = 0; arm < arms.size(); ++arm)
    for (Assignment& set : arm_body(step, block, arms[arm], conditions[arm])) {
      auto& values = columns[set.column];
      values.resize(arms.size());
      values[arm] = std::move(set.value);
      spans.emplace(set.column, set.span);
    }
  if (block->broken) return;
  for (auto& [column, values] : columns) {
    const Column& of = table(step.target).columns[static_cast<std::size_t>(column)];
    if (const auto known = std::find_if(step.assignments.begin(), step.assignments.end(), [c = column](const Assignment& set) { return set.column == c; }); known != step.assignments.end()) {
      error(Code::duplicate_assignment, spans[column], fmt::format("`{}` is set twice", of.name), "set it in the arms or outside of them").labels.push_back({known->span, "first here"});
      continue;
    }
    const ExprPtr now = bare(*block, of.name, spans[column]).expr;
    if (!now) continue;
    std::vector<ExprPtr> value, changed;
    bool keeps = false;
    for (std::size_t arm = 0; arm < arms.size(); ++arm) {
      keeps |= !values[arm];
      value.insert(value.end(), {conditions[arm], values[arm] ? values[arm] : now});
      changed.insert(changed.end(), {conditions[arm], values[arm] ? values[arm] : constant_of(Value(), of.type.with_null(), spans[column])});
    }
    if (skips) value.push_back(now);  // never asked for: such rows are left out
    Assignment made{.column = column, .value = make({.kind = ExprKind::case_, .type = of.type, .span = spans[column], .args = std::move(value)}), .span = spans[column]};
    if (keeps || skips) made.changed = make({.kind = ExprKind::case_, .type = of.type.with_null(), .span = spans[column], .args = std::move(changed)});
    if (made.value) step.assignments.push_back(std::move(made));
  }
}

}  // namespace bfl::check
