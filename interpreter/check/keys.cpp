// Rows under a unique key: which of several stays, and which name each of them gets.
#include <algorithm>
#include <set>

#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::Step;

namespace {

// Rows behind a limit have left their table's own order behind.
bool limited(const program::Relation& relation) {
  return relation.limit || (relation.inputs[0].sub && limited(*relation.inputs[0].sub));
}

}  // namespace

std::vector<program::OrderKey> Checker::order_of(Block& block, NodeId clause) {
  Scope inside{.block = &block, .outer = nullptr};
  const Within scope(scope_, &inside);
  return order_keys(clause);
}

std::vector<int> Checker::target_columns(const Step& step, NodeId list) {
  std::vector<int> columns;
  for (NodeId name : ast::children(*file_, list)) {
    const int column = at(name).kind == NodeKind::name ? column_index(step.target, at(name).text) : -1;
    if (column >= 0) {
      columns.push_back(column);
      continue;
    }
    std::vector<std::string> known;
    for (const Column& of : table(step.target).columns) known.push_back(of.name);
    error(Code::unknown_column, at(name).span, fmt::format("`{}` has no column `{}`", shown(step.target), slice(at(name).span)), did_you_mean(slice(at(name).span), known));
    return {};
  }
  return columns;
}

// on duplicate (COLUMNS) keep first by ORDER delete others; of inserts and upserts … skip others "reason"
void Checker::duplicates(Step& step, Block& block, NodeId statement) {
  program::Duplicates rule{.columns = {}, .order = {}, .span = at(statement).span};
  const bool adds = program::adds_rows(step.kind);
  const std::string_view fate = adds ? "skip" : "delete";
  bool said = false;
  for (NodeId part : ast::children(*file_, statement)) {
    if (at(part).kind == NodeKind::using_) rule.columns = target_columns(step, part);
    if (at(part).word == "keep") {
      rule.keep_last = at(part).text == "last";
      rule.order = order_of(block, part);
    }
    said |= at(part).word == fate;
    if (at(part).word == "skip" && at(part).first_child != ast::no_node)
      if (ExprPtr reason = expression(at(part).first_child); reason && reason->kind == ExprKind::literal && reason->type.kind == Kind::text) rule.skip_reason = reason->value.as<std::string>();
  }
  if (rule.columns.empty() || rule.order.empty()) return;
  if (!said) {
    error(Code::unknown_clause, rule.span, adds ? "an insert deletes nothing: what becomes of the other rows of its relation?" : "what becomes of the rows that do not stay?", fmt::format("end with `{} others`", fate));
    return;
  }
  if (step.duplicates) {
    error(Code::repeated_clause, rule.span, "`on duplicate` is given twice", "leave one of them out");
    return;
  }
  if (adds) {
    std::vector<int> columns = rule.columns, key = step.key;
    std::sort(columns.begin(), columns.end());
    std::sort(key.begin(), key.end());
    if (columns != key || rule.keep_last) {
      error(Code::unknown_clause, rule.span, rule.keep_last ? "an insert takes the first" : "these are not the columns of `key`", rule.keep_last ? "turn the order round: `keep first by … desc`" : "name the columns of `key`: rows that agree in them are one row of the table");
      return;
    }
    block.relation->order = rule.order;
    if (rule.skip_reason.empty()) rule.skip_reason = "another row has its key";
    step.duplicates = std::move(rule);
    return;
  }
  const auto set = [&](int column) { return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& assignment) { return assignment.column == column; }); };
  if (std::none_of(rule.columns.begin(), rule.columns.end(), set)) {
    error(Code::unknown_clause, rule.span, "the step sets none of these columns", "name the columns under which rows would come together");
    return;
  }
  if (limited(*block.relation)) {
    error(Code::not_supported, rule.span, "`on duplicate` behind a `limit`", "choose the rows without a limit");
    return;
  }
  step.duplicates = std::move(rule);
}

// unique EXPR [within COLUMNS] order by K else CANDIDATE
void Checker::free_name(Step& step, Block& block, NodeId statement) {
  program::FreeName rule{.span = at(statement).span};
  NodeId compared = ast::no_node, candidate = ast::no_node;
  for (NodeId part : ast::children(*file_, statement)) {
    if (at(part).kind == NodeKind::by) {
      rule.within = target_columns(step, part);
      if (rule.within.empty()) return;
    } else if (at(part).word == "order") {
      rule.order = order_of(block, part);
    } else {
      (compared == ast::no_node ? compared : candidate) = part;
    }
  }
  if (compared == ast::no_node || candidate == ast::no_node || rule.order.empty()) return;
  if (step.free_name) {
    error(Code::repeated_clause, rule.span, "`unique` is given twice", "a step settles one name");
    return;
  }
  // What is compared is said of a row of the table as it will be.
  auto row = std::make_shared<Block>();
  rule.row = fresh_input({}, step.target, nullptr);
  row->relation->inputs.push_back({.id = rule.row, .alias = {}, .table = step.target, .span = rule.span});
  row->subs.push_back(nullptr);
  {
    Scope inside{.block = row.get(), .outer = nullptr};
    const Within scope(scope_, &inside);
    rule.compared = expression(compared);
  }
  if (!rule.compared) return;
  for (const auto& assignment : step.assignments)
    for_each(*rule.compared, [&](const Expr& expr) {
      if (expr.kind == ExprKind::column && expr.input == rule.row && expr.column == assignment.column) rule.column = assignment.column;
    });
  if (rule.column < 0) {
    error(Code::unknown_clause, at(compared).span, fmt::format("`{}` holds no column that the step sets", slice(at(compared).span)), "`unique` chooses a value for a column that is set");
    return;
  }
  const Column& column = table(step.target).columns[static_cast<std::size_t>(rule.column)];
  if (std::find(step.key.begin(), step.key.end(), rule.column) != step.key.end()) {
    error(Code::unknown_clause, at(compared).span, fmt::format("`{}` is a part of `key`, by which rows are found that are there already", column.name), "choose names for another column, or name another key");
    return;
  }
  rule.attempt = fresh_input({}, std::nullopt, nullptr);
  row->derived["wanted"] = make({.kind = ExprKind::column, .type = column.type.with_null(false), .span = rule.span, .input = rule.attempt, .column = 0});
  row->derived["n"] = make({.kind = ExprKind::column, .type = {Kind::integer}, .span = rule.span, .input = rule.attempt, .column = 1});
  {
    Scope inside{.block = row.get(), .outer = nullptr};
    const Within scope(scope_, &inside);
    rule.candidate = expression(candidate);
  }
  if (!rule.candidate) return;
  if (!distance(rule.candidate->type, column.type)) {
    error(Code::type_mismatch, at(candidate).span, fmt::format("`{}` is {}, the candidate is {}", column.name, with_article(column.type.with_null(false)), with_article(rule.candidate->type.with_null(false))));
    return;
  }
  bool tries = false;
  for_each(*rule.candidate, [&](const Expr& expr) { tries |= expr.kind == ExprKind::column && expr.input == rule.attempt && expr.column == 1; });
  if (!tries) {
    error(Code::not_idempotent, at(candidate).span, "the candidate is the same at every attempt", "let it depend on `n`, which counts them from 1");
    return;
  }
  if (program::adds_rows(step.kind)) {
    const auto set = [&](int wanted) { return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& assignment) { return assignment.column == wanted; }); };
    std::set<int> read(rule.within.begin(), rule.within.end());
    for (const ExprPtr& expr : {rule.compared, rule.candidate})
      for_each(*expr, [&](const Expr& part) { if (part.kind == ExprKind::column && part.input == rule.row) read.insert(part.column); });
    for (const int wanted : read) {
      if (set(wanted)) continue;
      error(Code::column_not_set, rule.span, fmt::format("`{}` is not set, and the name depends on it", table(step.target).columns[static_cast<std::size_t>(wanted)].name), "set every column that `unique` looks at");
      return;
    }
    block.relation->order = rule.order;
  } else if (limited(*block.relation)) {
    error(Code::not_supported, rule.span, "`unique` behind a `limit`", "choose the rows without a limit");
    return;
  }
  rule.candidate = convert(std::move(rule.candidate), column.type);
  step.free_name = std::move(rule);
}

}  // namespace bfl::check
