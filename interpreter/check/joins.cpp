// Joins: the rows of another relation beside those of the block, and the proof that there is at most one.
#include <algorithm>
#include <set>

#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::InputKind;

namespace {

constexpr std::size_t max_inputs = 60;  // SQLite joins 64 tables

bool is_plain_table(const Block& block) {
  const program::Relation& relation = *block.relation;
  return relation.inputs.size() == 1 && relation.inputs[0].table && relation.filters.empty() && block.derived.empty() && !block.only_derived && !relation.grouped && !relation.limit;
}

// Kinds of which equal values are stored in one way only, so that a unique index is unique in the language's sense.
bool one_form(const Column& column) {
  switch (column.storage) {
    case Storage::native: return column.type.kind == Kind::integer || column.type.kind == Kind::text || column.type.kind == Kind::bytes;
    case Storage::boolean_integer:
    case Storage::decimal_numeric:
    case Storage::uuid_blob: return true;
    default: return false;
  }
}

void conjuncts(const ExprPtr& expr, std::vector<ExprPtr>& into) {
  if (expr->kind != ExprKind::and_) return into.push_back(expr);
  for (const ExprPtr& part : expr->args) conjuncts(part, into);
}

}  // namespace

void Checker::join_rows(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  NodeId joined = ast::no_node, on = ast::no_node, using_node = ast::no_node, else_skip = ast::no_node;
  for (NodeId part : ast::children(*file_, clause)) {
    if (joined == ast::no_node) joined = part;
    else if (at(part).kind == NodeKind::using_) using_node = part;
    else if (at(part).kind == NodeKind::else_skip) else_skip = part;
    else on = part;
  }
  if (joined == ast::no_node) return;
  prepare_windows(block, on);
  std::string_view alias;
  Span alias_span = at(joined).span, alias_name{};
  if (const NodeId named = ast::child(*file_, joined, NodeKind::alias); at(joined).kind == NodeKind::relation && named != ast::no_node) {
    alias = at(named).text;
    alias_span = at(named).span;
    alias_name = at(named).name_span;
  }
  if (alias.empty() && using_node == ast::no_node)
    error(Code::unknown_name, at(joined).span, "the joined row has no name", fmt::format("give it an alias: `{} as r`", slice(at(joined).span)));

  // The alias names the joined row in this block, not the rows of the joined relation to themselves.
  const bool only_named = !alias.empty() && ast::child_count(*file_, joined) == 2;
  BlockPtr sub = only_named ? operand(at(joined).first_child, outer) : relation(joined, outer);
  program::Input input{.alias = std::string(alias), .span = at(clause).span};
  input.kind = at(clause).op == ast::Op::join_many ? InputKind::many : at(clause).op == ast::Op::join_optional ? InputKind::optional : InputKind::one;
  if (sub->broken) {  // names of it are silent from here on
    block->broken = true;
    return;
  }
  if (block->relation->inputs.size() >= max_inputs) {
    error(Code::not_supported, at(clause).span, fmt::format("more than {} joins in one relation", max_inputs - 1), "split it with `group by` or with several steps");
    block->broken = true;
    return;
  }
  if (is_plain_table(*sub)) {
    input.id = sub->relation->inputs[0].id;
    input.table = sub->relation->inputs[0].table;
    program.inputs[input.id].alias = alias;
    sub = nullptr;
  } else {
    if (!sub->relation->limit) sub->relation->order.clear();
    input.id = fresh_input(alias, std::nullopt, sub->relation);
    input.sub = sub->relation;
  }
  const std::size_t index = block->relation->inputs.size();
  const bool many = input.kind == InputKind::many;
  block->relation->inputs.push_back(std::move(input));
  block->subs.push_back(sub);
  if (!alias.empty()) add_alias(*block, {.name = alias, .input = index, .span = alias_name}, alias_span);

  Scope inside{.block = block.get(), .outer = outer};
  const Within scope(scope_, &inside);
  ExprPtr matched;
  if (using_node != ast::no_node) {
    std::vector<ExprPtr> equal;
    Alias hidden{.name = " using", .input = index};
    block->aliases.push_back(hidden);
    for (NodeId name_node : ast::children(*file_, using_node)) {
      const std::string_view text = at(name_node).text;
      Lookup mine = bare(*block, text, at(name_node).span), theirs = member(*block, hidden.name, text, at(name_node).span);
      if (!mine.found || !theirs.found)
        error(Code::unknown_column, at(name_node).span, fmt::format("`{}` is no column of {}", text, mine.found ? "the joined relation" : "the relation"), "`using` takes columns that both sides have; otherwise write `on`");
      equal.push_back(mine.expr && theirs.expr ? compare(program::CompareOp::equal, theirs.expr, mine.expr, at(name_node).span, at(name_node).span, at(name_node).span) : nullptr);
    }
    block->aliases.pop_back();
    matched = equal.size() == 1 ? equal[0] : make({.kind = ExprKind::and_, .type = {Kind::boolean}, .span = at(using_node).span, .args = std::move(equal)});
  } else if (on != ast::no_node) {
    matched = condition(on, "the condition of a join");
  }
  if (!matched) {
    block->relation->inputs.back().on = std::make_shared<const Expr>(Expr{.kind = ExprKind::literal, .type = {Kind::boolean}, .span = at(clause).span, .value = true});
    if (quiet_ > 0) block->broken = true;
    return;
  }
  lint_join(matched);
  program::Input& made = block->relation->inputs.back();
  made.on = matched;
  made.at_most_one = proved_single(*block, index);
  if (else_skip != ast::no_node) {
    if (made.kind == InputKind::one) {
      made.skip_missing = true;
      made.skip_reason = "no row to join";
      if (const NodeId reason = at(else_skip).first_child; reason != ast::no_node)
        if (ExprPtr text = expression(reason); text && text->kind == ExprKind::literal && text->type.kind == Kind::text) made.skip_reason = text->value.as<std::string>();
    } else {
      error(Code::unknown_clause, at(else_skip).span, fmt::format("`else skip` belongs to `join one`, this is `join {}`", many ? "many" : "optional"),
            many ? "`join many` leaves out rows without a partner by itself" : "write `join one … else skip`, or `where … != null`");
    }
  }
  if (many) lose_anchor(*block, "join many");
}

void Checker::lint_join(const ExprPtr& on) {
  if (quiet_ > 0) return;
  const Block& block = *scope_->block;
  const program::Input& joined = block.relation->inputs.back();
  // In its own condition the joined row is there, be it optional or not.
  const auto nullable = [&](const Expr& column) {
    if (column.input != joined.id) return column.type.nullable;
    const auto place = static_cast<std::size_t>(column.column);
    return joined.table ? table(*joined.table).columns[place].type.nullable : may_be_null(block.subs.back()->relation->fields[place].expr, *block.subs.back());
  };
  std::vector<ExprPtr> parts;
  conjuncts(on, parts);
  for (const ExprPtr& part : parts) {
    if (part->kind != ExprKind::compare || part->op != program::CompareOp::equal) continue;
    const Expr &a = *part->args[0], &b = *part->args[1];
    if (a.kind == ExprKind::column && b.kind == ExprKind::column && a.input != b.input && nullable(a) && nullable(b))
      warning(Code::nullable_join, part->span, "both sides of this join may be null, and null equals null: rows without a value are joined to each other",
              "leave them out: `and … != null`");
  }
}

// True when the condition fixes every column of something that is unique in the joined relation.
bool Checker::proved_single(const Block& block, std::size_t index) {
  const program::Input& input = block.relation->inputs[index];
  std::vector<ExprPtr> parts;
  conjuncts(input.on, parts);
  std::map<int, bool> fixed;  // column: whether null can match null
  for (const ExprPtr& part : parts) {
    if (part->kind != ExprKind::compare || part->op != program::CompareOp::equal) continue;
    for (int side = 0; side < 2; ++side) {
      const Expr &mine = *part->args[static_cast<std::size_t>(side)], &other = *part->args[static_cast<std::size_t>(1 - side)];
      if (mine.kind != ExprKind::column || mine.input != input.id) continue;
      spend(other.weight);
      if (exhausted() || mentions(other, input.id)) continue;
      const bool nulls = mine.type.nullable && other.type.nullable;
      const auto [entry, fresh] = fixed.emplace(mine.column, nulls);
      if (!fresh) entry->second &= nulls;
    }
  }
  const auto covered = [&](const Table& of, const std::function<const bool*(int)>& fixed_column) {
    return std::any_of(of.keys.begin(), of.keys.end(), [&](const Key& key) {
      return key.plain && !key.columns.empty() && std::all_of(key.columns.begin(), key.columns.end(), [&](int c) {
        const bool* nulls = fixed_column(c);
        return nulls && !*nulls && one_form(of.columns[static_cast<std::size_t>(c)]);
      });
    });
  };
  if (input.table)
    return covered(table(*input.table), [&](int c) { const auto at = fixed.find(c); return at == fixed.end() ? nullptr : &at->second; });

  // Down to the table whose rows those of the relation are, with the columns that are fixed there.
  const bool one_of_each_way = input.sub->anchored;
  for (const program::Relation* sub = input.sub.get();;) {
    if (sub->grouped)
      return std::all_of(sub->group_by.begin(), sub->group_by.end(), [&](const ExprPtr& key) {
        return std::any_of(fixed.begin(), fixed.end(), [&](const auto& entry) { return sub->fields[static_cast<std::size_t>(entry.first)].expr == key; });
      });
    const program::Input& first = sub->inputs[0];
    const bool several = std::any_of(sub->inputs.begin(), sub->inputs.end(), [](const auto& joined) { return joined.kind == InputKind::many; });
    if (first.elements || !first.united.empty() || (several && !(sub->follow && one_of_each_way))) return false;
    std::map<int, bool> within;
    for (const auto& [field, nulls] : fixed) {
      const Expr& expr = *sub->fields[static_cast<std::size_t>(field)].expr;
      if (expr.kind != ExprKind::column || expr.input != first.id) continue;
      const auto [entry, fresh] = within.emplace(expr.column, nulls);
      if (!fresh) entry->second &= nulls;
    }
    fixed = std::move(within);
    if (first.table)
      return covered(table(*first.table), [&](int c) { const auto at = fixed.find(c); return at == fixed.end() ? nullptr : &at->second; });
    sub = first.sub.get();
  }
}

}  // namespace bfl::check
