// Inserts and upserts: rows of a relation that cause rows of a table, and what tells which are there already.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::Step;
using program::StepKind;
using program::TableRef;

// The table that a clause names; nothing when there is none that can be written.
std::optional<TableRef> Checker::written_path(NodeId path) {
  if (at(path).kind != NodeKind::member) {
    error(Code::unknown_table, at(path).span, fmt::format("`{}` is no table", slice(at(path).span)), "a table is written `source.table`");
    return std::nullopt;
  }
  const BlockPtr block = operand(path, nullptr);
  if (block->broken) return std::nullopt;
  const TableRef ref = *block->relation->inputs[0].table;
  const Table& named = table(ref);
  const bool read_only = program.catalogues[static_cast<std::size_t>(ref.source)].read_only;
  if (!named.view && !named.virtual_table && named.kept.empty() && !read_only) return ref;
  error(Code::not_writable, at(path).span, fmt::format("`{}` is {}, which no step writes", shown(ref), read_only ? "in a source that can only be read" : program.query(ref) ? "a relation of SQL" : named.view ? "a view" : named.virtual_table ? "a virtual table" : "kept by bfl"));
  return std::nullopt;
}

void Checker::insert(Step& step, const StepParts& parts) {
  const std::string_view verb = at(parts.node).word;
  const std::size_t errors = diagnostics_.errors();
  NodeId into = ast::no_node, from = ast::no_node, key = ast::no_node, once = ast::no_node;
  for (NodeId clause : parts.clauses) {
    const std::string_view word = at(clause).word;
    if (word == "into") into = at(clause).first_child;
    if (word == "from") from = at(clause).first_child;
    if (word == "key") key = clause;
    if (word == "once") once = clause;
  }
  if (into == ast::no_node || from == ast::no_node) {
    error(Code::empty_step, step.name_span, fmt::format("`{}` does not say {}", step.name, into == ast::no_node ? "which table gets the rows" : "from which rows they are made"),
          fmt::format("write `{} {} into TABLE from RELATION {{ … }}`", verb, step.name));
    return;
  }
  const auto target = written_path(into);
  BlockPtr block = relation(from, nullptr);
  for (NodeId statement : parts.statements) prepare_windows(block, statement);
  if (!block->broken) open(block);  // values are computed from the rows of a grouping or a limit
  if (!target) return;
  step.target = *target;
  assignments(step, *block, parts);
  if (block->broken) return;
  const auto set = [&](int column) { return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& assignment) { return assignment.column == column; }); };
  const Table& of = table(step.target);
  for (std::size_t c = 0; c < of.columns.size() && diagnostics_.errors() == errors; ++c) {
    const Column& column = of.columns[c];
    if (column.type.nullable || column.has_default || column.generated || static_cast<int>(c) == of.rowid_alias || set(static_cast<int>(c))) continue;
    error(Code::column_not_set, step.name_span, fmt::format("`{}.{}` may not be null, has no default, and is not set", shown(step.target), column.name), fmt::format("write `set {} = …`", column.name));
  }
  if (key != ast::no_node) target_key(step, key, diagnostics_.errors() == errors);
  if (once != ast::no_node) once_per(step, once, *block);
  if (key == ast::no_node && once == ast::no_node)
    error(Code::no_target_key, step.name_span, fmt::format("nothing tells which rows of `{}` are there already: a second run would add them again", shown(step.target)),
          step.kind == StepKind::insert ? "name the columns of a unique key, `key a, b`, or what tells the rows apart in the ledger, `once per EXPRESSION`" : "name the columns of a unique key: `key a, b`");
  else if (key != ast::no_node && once != ast::no_node)
    error(Code::repeated_clause, at(once).span, "`key` and `once per` both say which rows are there already", "leave one of them out");
  for (NodeId statement : parts.statements) {
    if (diagnostics_.errors() != errors) return;
    if (at(statement).word == "on") duplicates(step, *block, statement);
    if (at(statement).word == "unique") free_name(step, *block, statement);
  }
  if (diagnostics_.errors() != errors) return;
  add_row_key(*block, block->relation->order);  // which row comes first must not depend on the engine
  step.relation = block->relation;
  step.walk = step.key;
  from_[program.steps.size()] = block;
  forbid_triggers(step);
  effects(step);
  classify(step, *block);
}

// `complete`: what the step sets was understood, so that a column is missing where it is not set.
void Checker::target_key(Step& step, NodeId clause, bool complete) {
  const Table& target = table(step.target);
  std::vector<int> wanted;
  Span span = at(clause).span;
  for (NodeId name_node : ast::children(*file_, clause)) {
    const int column = at(name_node).kind == NodeKind::name ? column_index(step.target, at(name_node).text) : -1;
    if (column < 0) {
      std::vector<std::string> known;
      for (const Column& of : target.columns) known.push_back(of.name);
      error(Code::unknown_column, at(name_node).span, fmt::format("`{}` has no column `{}`", shown(step.target), slice(at(name_node).span)), did_you_mean(slice(at(name_node).span), known));
      return;
    }
    wanted.push_back(column);
  }
  std::vector<int> sorted = wanted;
  std::sort(sorted.begin(), sorted.end());
  std::string choices;
  for (const Key& key : target.keys) {
    if (!key.plain) continue;
    std::vector<int> columns = key.columns;
    std::sort(columns.begin(), columns.end());
    if (columns == sorted) step.key = key.columns;
    choices += fmt::format("{}`key {}`", choices.empty() ? "" : " or ", target.names_of(key.columns));
  }
  if (step.key.empty()) {
    error(Code::no_target_key, span, fmt::format("`{}` has no unique index over exactly these columns", shown(step.target)),
          choices.empty() ? "create one, or say `once per EXPRESSION`" : fmt::format("write {}", choices));
    return;
  }
  for (int column : step.key) {
    if (!complete || std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& assignment) { return assignment.column == column; })) continue;
    error(Code::column_not_set, span, fmt::format("`{}` is part of the key and is not set", target.columns[static_cast<std::size_t>(column)].name), "set every column of the key");
    return;
  }
}

void Checker::once_per(Step& step, NodeId clause, Block& block) {
  Scope inside{.block = &block, .outer = nullptr};
  const Within scope(scope_, &inside);
  const NodeId by = ast::child(*file_, clause, NodeKind::by);
  for (NodeId written : ast::children(*file_, by == ast::no_node ? clause : by))
    if (ExprPtr value = expression(written)) step.once_per.push_back(std::move(value));
}

}  // namespace bfl::check
