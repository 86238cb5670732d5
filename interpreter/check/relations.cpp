// Relations: an operand and its clauses, as one flat block; a block over a block where one does not hold them.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::InputKind;
using program::OrderKey;
using program::TableRef;

namespace {

constexpr int max_blocks = 40;       // within each other
constexpr int max_definitions = 64;  // that use each other in a row

}  // namespace

BlockPtr Checker::broken() {
  auto block = std::make_shared<Block>();
  block->broken = true;
  return block;
}

program::InputId Checker::fresh_input(std::string_view alias, std::optional<TableRef> ref, const std::shared_ptr<program::Relation>& sub) {
  program.inputs.push_back({.alias = std::string(alias), .table = ref, .sub = sub});
  return static_cast<program::InputId>(program.inputs.size() - 1);
}

BlockPtr Checker::use_let(std::string_view name, NodeId node) {
  const auto found = names_.find(name);
  if (found != names_.end() && found->second.kind == Declared::snapshot) {
    found->second.used = true;
    note_item(SymbolKind::relation, found->second.node, at(node).span);
    return snapshot_block(found->second.node, node);
  }
  if (found == names_.end() || found->second.kind != Declared::let) {
    std::vector<std::string> known;
    if (!heard()) {
      error(Code::unknown_name, at(node).span, {});
      return broken();
    }
    if (heard(lets_.size()))
      for (NodeId let : lets_) known.emplace_back(script_[let].text);
    for (const auto& source : program.sources)
      if (source_names_.size() > 0 && &source == program.sources.data())
        for (const Table& entry : program.catalogues[0].tables)
          if (entry.kept.empty()) known.push_back(fmt::format("{}.{}", source.name, entry.name));
    for (const auto& [other, declared] : names_)
      if (declared.kind == Declared::snapshot) known.emplace_back(other);
    std::string help = did_you_mean(name, known);
    for (std::size_t i = 0; help.empty() && i < source_names_.size(); ++i)
      if (source_names_[i].tables.contains(name)) help = fmt::format("a table is written with its source: `{}.{}`", program.sources[i].name, name);
    const bool parameter = found != names_.end() && found->second.kind == Declared::parameter;
    error(Code::unknown_name, at(node).span, parameter ? fmt::format("`{}` is a parameter, expected a relation", name) : fmt::format("unknown relation `{}`", name),
          help.empty() ? "a relation is a `let` or a table, `source.table`" : std::move(help));
    return broken();
  }
  Declared& declared = found->second;
  declared.used = true;
  if (node != declared.node) note_item(SymbolKind::relation, declared.node, at(node).span);
  const NodeId body = script_[declared.node].first_child;
  const Within in_file(file_, &script_);
  const Within no_scope(scope_, static_cast<Scope*>(nullptr));
  const Within no_environment(environment_, static_cast<const Environment*>(nullptr));
  const Within one_more(definitions_open_, definitions_open_ + 1);
  if (declared.state == DefinitionState::open) {
    diagnostics_.error(Code::recursive_definition, script_[declared.node].name_span, fmt::format("the relation `{}` uses itself", name), "a relation is made of tables and other relations");
    declared.state = DefinitionState::broken;
  }
  if (declared.state == DefinitionState::fresh) {
    if (definitions_open_ > max_definitions) {
      too_large(script_[declared.node].name_span);
      return broken();
    }
    declared.state = DefinitionState::open;
    const Within loud(quiet_, 0);
    const Within fresh_count(expanded_, std::size_t{0});
    const std::size_t errors = diagnostics_.errors();
    BlockPtr checked = relation(body, nullptr);
    const bool good = !checked->broken && diagnostics_.errors() == errors && declared.state == DefinitionState::open;
    declared.state = good ? DefinitionState::good : DefinitionState::broken;
  }
  if (declared.state == DefinitionState::broken || body == ast::no_node) return broken();
  if (definitions_open_ > max_definitions) {
    too_large(at(node).span);
    return broken();
  }
  const Within silent(quiet_, quiet_ + 1);
  BlockPtr block = relation(body, nullptr);
  block->let = name;
  note_live(name, at(node).span, *block);
  return block;
}

BlockPtr Checker::operand(NodeId node, Scope* outer) {
  if (node == ast::no_node) return broken();
  switch (at(node).kind) {
    case NodeKind::relation: return relation(node, outer);
    case NodeKind::name: return use_let(at(node).text, node);
    case NodeKind::member: {
      const NodeId left = at(node).first_child;
      if (left != ast::no_node && at(left).kind == NodeKind::name && !names_.contains(at(left).text) && steps_.contains(at(left).text))
      {
        note_step(at(left).text, at(left).span);
        return effect_block(node, at(left).text, at(node).text);
      }
      if (const auto [source, table] = table_path(node); source != ast::no_node) return table_block(node, source, table);
      error(Code::unknown_table, at(node).span, fmt::format("`{}` is no table", slice(at(node).span)), "a table is written `source.table`");
      return broken();
    }
    case NodeKind::array: return written_rows(node);
    case NodeKind::sql: return sql_block(node);
    case NodeKind::error: return broken();
    default:
      error(Code::type_mismatch, at(node).span, fmt::format("`{}` is a value, expected a relation", slice(at(node).span)), "a relation is a `let` or a table, `source.table`, and its clauses");
      return broken();
  }
}

BlockPtr Checker::relation(NodeId node, Scope* outer) {
  if (node == ast::no_node) return broken();
  const Within deeper(depth_, depth_ + 1);
  if (definitions_open_ > 0) spend(5);
  if (exhausted()) {
    too_large(at(node).span);
    return broken();
  }
  if (at(node).kind != NodeKind::relation) return operand(node, outer);
  BlockPtr block;
  for (NodeId part : ast::children(*file_, node)) {
    if (!block) block = operand(part, outer);
    else if (at(part).kind == NodeKind::alias) add_alias(*block, {.name = at(part).text, .own_row = true, .span = at(part).name_span}, at(part).span);
    else if (at(part).kind == NodeKind::clause) apply_clause(block, part, outer);
  }
  if (!block) return broken();
  block->relation->span = at(node).span;
  return block;
}

void Checker::add_alias(Block& block, Alias alias, Span span) {
  for (const Alias& known : block.aliases)
    if (known.name == alias.name && !block.broken) {
      error(Code::duplicate_name, span, fmt::format("the alias `{}` is taken", alias.name), "give each row in sight an alias of its own");
      return;
    }
  if (alias.own_row && !block.relation->inputs.empty() && block.relation->inputs[0].alias.empty()) {
    block.relation->inputs[0].alias = alias.name;
    program.inputs[block.relation->inputs[0].id].alias = alias.name;
  }
  block.aliases.push_back(alias);
  note_alias(alias, alias.span);
}

// A block over the block, with the same names in sight.
void Checker::wrap(BlockPtr& block) {
  auto outer = std::make_shared<Block>();
  if (block->height >= max_blocks) {
    too_large(block->relation->span);
    block = broken();
    return;
  }
  outer->height = block->height + 1;
  outer->let = block->let;
  outer->windows = block->windows;
  outer->chained = block->chained;
  outer->unanchored_by = block->unanchored_by;
  outer->broken = block->broken;
  outer->relation->span = block->relation->span;
  outer->relation->anchored = block->relation->anchored;
  outer->relation->inputs.push_back({.id = fresh_input({}, std::nullopt, block->relation), .kind = InputKind::anchor, .alias = {}, .sub = block->relation, .span = block->relation->span});
  for (const Alias& alias : block->aliases)
    if (alias.own_row) outer->aliases.push_back(alias);
  const std::vector<OrderKey> order = block->relation->limit ? std::vector<OrderKey>() : std::move(block->relation->order);
  if (!block->relation->limit) block->relation->order.clear();
  const program::InputId rows = outer->relation->inputs[0].id;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const ExprPtr& key = order[i].expr;
    const int field = expose(*block, fmt::format(" order {}", i), key, key->span);
    outer->relation->order.push_back({.expr = make({.kind = ExprKind::column, .type = key->type, .span = key->span, .input = rows, .column = field}), .descending = order[i].descending});
  }
  std::erase_if(outer->relation->order, [](const OrderKey& key) { return !key.expr; });
  outer->subs.push_back(std::move(block));
  block = std::move(outer);
}

void Checker::open(BlockPtr& block) {
  if (!block->broken && (block->relation->grouped || block->relation->limit)) wrap(block);
}

void Checker::lose_anchor(Block& block, std::string_view word) {
  block.relation->anchored = block.chained = false;
  if (block.unanchored_by.empty()) block.unanchored_by = word;
}

void Checker::apply_clause(BlockPtr& block, NodeId clause, Scope* outer) {
  const std::string_view word = at(clause).word;
  if (word == "where") return where(block, clause, outer, false);
  if (word == "skip") return where(block, clause, outer, true);
  if (word == "derive") return derive(block, clause, outer);
  if (word == "join") return join_rows(block, clause, outer);
  if (word == "group") return group(block, clause, outer);
  if (word == "order") return order(block, clause, outer);
  if (word == "limit") return limit(block, clause);
  if (word == "keep") return keep(block, clause, outer);
  if (word == "window") return window(block, clause, outer);
  if (word == "distinct") return distinct(block, clause);
  if (word == "union") return unite(block, clause, outer);
  if (word == "expand") return expand(block, clause, outer);
  if (word == "follow") return follow(block, clause, outer);
  if (word == "cluster") return cluster(block, clause, outer);
  error(Code::unknown_clause, at(clause).span, fmt::format("a relation has no `{}`", word),
        did_you_mean(word, {"where", "skip", "derive", "join", "group", "order", "limit", "keep", "window", "distinct", "union", "expand", "follow", "cluster"}));
}

void Checker::where(BlockPtr& block, NodeId clause, Scope* outer, bool skip) {
  open(block);
  prepare_windows(block, at(clause).first_child);
  Scope inside{.block = block.get(), .outer = outer};
  const Within scope(scope_, &inside);
  const NodeId written = at(clause).first_child;
  ExprPtr filter = condition(written, skip ? "the condition of `skip where`" : "the condition of `where`");
  if (!filter) {
    if (quiet_ > 0) block->broken = true;
    return;
  }
  std::string reason;
  if (skip)
    if (const NodeId text = ast::child_at(*file_, clause, 1); text != ast::no_node)
      if (ExprPtr content = expression(text); content && content->kind == ExprKind::literal && content->type.kind == Kind::text) reason = content->value.as<std::string>();
  note_not_null(*block, filter, !skip);
  if (block->chained && !skip && ends_way(*block, filter)) {
    block->chained = false;
    for (Block* way = block.get(); !way->relation->anchored; way = way->subs[0].get()) way->relation->anchored = true;
  }
  block->relation->filters.push_back({.condition = std::move(filter), .after_inputs = block->relation->inputs.size(), .skip = skip, .reason = std::move(reason)});
}

void Checker::derive(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  for (NodeId item : ast::children(*file_, clause)) {
    if (at(item).kind != NodeKind::assign) continue;
    prepare_windows(block, at(item).first_child);
    Scope inside{.block = block.get(), .outer = outer};
    const Within scope(scope_, &inside);
    const std::string_view derived = at(item).text;
    ExprPtr value = expression(at(item).first_child);
    const bool known = block->derived.contains(derived);
    if (!block->broken && (known || bare(*block, derived, at(item).name_span).found)) {
      error(Code::duplicate_name, at(item).name_span, fmt::format("`{}` is {} already", derived, known ? "derived" : "a column"), "give the derived value a name of its own");
      continue;
    }
    introduce(*block, item, value);
    block->derived[derived] = std::move(value);
  }
}

void Checker::keep(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  prepare_windows(block, clause);
  std::map<std::string_view, ExprPtr> kept;
  std::map<std::string_view, NodeId> introduced;
  Scope inside{.block = block.get(), .outer = outer};
  const Within scope(scope_, &inside);
  for (NodeId item : ast::children(*file_, clause)) {
    const bool named = at(item).kind == NodeKind::assign;
    if (!named && at(item).kind != NodeKind::name && at(item).kind != NodeKind::member) {
      error(Code::unknown_name, at(item).span, fmt::format("`{}` needs a name", slice(at(item).span)), fmt::format("write `name = {}`", slice(at(item).span)));
      continue;
    }
    ExprPtr value = expression(named ? at(item).first_child : item);
    introduced.emplace(at(item).text, item);
    if (!kept.emplace(at(item).text, value).second)
      error(Code::duplicate_name, at(item).span, fmt::format("`{}` is kept twice", at(item).text), "give one of them another name");
  }
  introduce_kept(*block, introduced, kept);
  block->derived = std::move(kept);
  block->only_derived = true;
  block->aliases.clear();
  block->windows.clear();
  lose_anchor(*block, "keep");
}

void Checker::group(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  prepare_windows(block, clause);
  if (!block->relation->limit) block->relation->order.clear();
  std::map<std::string_view, ExprPtr> output;
  std::vector<ExprPtr> keys;
  std::vector<NodeId> by, fields;
  for (NodeId part : ast::children(*file_, clause)) {
    if (at(part).kind != NodeKind::by) fields.push_back(part);
    else for (NodeId key : ast::children(*file_, part)) by.push_back(key);
  }
  const auto add = [&](NodeId item, ExprPtr value) {
    if (at(item).kind == NodeKind::assign) introduce(*block, item, value);
    if (!output.emplace(at(item).text, std::move(value)).second)
      error(Code::duplicate_name, at(item).name_span, fmt::format("`{}` stands twice in the group", at(item).text), "give one of them another name");
  };
  bool good = true;
  {
    Scope inside{.block = block.get(), .outer = outer};
    const Within scope(scope_, &inside);
    for (NodeId key : by) {
      const bool named = at(key).kind == NodeKind::assign;
      ExprPtr value = expression(named ? at(key).first_child : key);
      good &= value != nullptr;
      if (value) keys.push_back(value);
      if (named || at(key).kind == NodeKind::name || at(key).kind == NodeKind::member) {
        add(key, std::move(value));
      } else {
        error(Code::unknown_name, at(key).span, fmt::format("the key `{}` needs a name", slice(at(key).span)), fmt::format("write `group by k = {}`", slice(at(key).span)));
      }
    }
  }
  block->relation->group_by = keys;
  {
    const GroupOutput so_far{.names = &output, .keys = &keys};
    Scope inside{.block = block.get(), .outer = outer, .group = &so_far};
    const Within scope(scope_, &inside);
    for (NodeId field : fields)
      if (at(field).kind == NodeKind::assign) {
        ExprPtr value = expression(at(field).first_child);
        add(field, std::move(value));
      }
  }
  if (!good && quiet_ > 0) block->broken = true;
  block->derived = std::move(output);
  block->only_derived = true;
  block->aliases.clear();
  block->windows.clear();
  block->relation->grouped = true;
  lose_anchor(*block, "group by");
}

std::vector<OrderKey> Checker::order_keys(NodeId clause) {
  std::vector<OrderKey> keys;
  bool good = true;
  for (NodeId key : ast::children(*file_, clause)) {
    const bool wrapped = at(key).kind == NodeKind::order_key;
    ExprPtr value = expression(wrapped ? at(key).first_child : key);
    if (value && (!is_ordered(value->type.kind) && value->type.kind != Kind::boolean)) {
      error(Code::type_mismatch, at(key).span, fmt::format("{} values have no order", to_string(value->type.with_null(false))));
      value = nullptr;
    }
    good &= value != nullptr;
    if (value) keys.push_back({.expr = std::move(value), .descending = wrapped && at(key).op == ast::Op::descending});
  }
  if (!good) keys.clear();
  return keys;
}

void Checker::order(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  if (!block->relation->order.empty()) {
    error(Code::repeated_clause, at(clause).span, "the relation is ordered twice", "write all keys behind one `order by`");
    return;
  }
  prepare_windows(block, clause);
  Scope inside{.block = block.get(), .outer = outer};
  const Within scope(scope_, &inside);
  block->relation->order = order_keys(clause);
  if (block->relation->order.empty()) block->broken = true;
}

void Checker::limit(BlockPtr& block, NodeId clause) {
  if (block->relation->limit || block->relation->grouped) open(block);
  const auto rows = whole_number(at(clause).first_child, "a limit", 1, INT64_MAX);
  if (block->broken) return;
  if (block->relation->order.empty()) {
    error(Code::order_dependent, at(clause).span, "`limit` without an order: which rows come first?", "put `order by …` before it");
    block->broken = true;
    return;
  }
  if (!rows) {
    block->broken = true;
    return;
  }
  add_row_key(*block, block->relation->order);
  block->relation->limit = *rows;
}

// Expressions that tell the rows of a block apart; without a key all columns, because rows that are equal in all of them are
// interchangeable.
std::vector<ExprPtr> Checker::row_key(Block& block) {
  std::vector<ExprPtr> keys;
  if (block.relation->grouped) return block.relation->group_by;
  if (const auto& follow = block.relation->follow) keys.push_back(make({.kind = ExprKind::column, .type = {Kind::integer}, .input = follow->place, .column = 0}));
  for (std::size_t i = 0; i < block.relation->inputs.size(); ++i) {
    const program::Input& input = block.relation->inputs[i];
    if (input.kind != InputKind::anchor && input.kind != InputKind::many) continue;
    if (input.elements) {
      keys.push_back(make({.kind = ExprKind::column, .type = {Kind::integer}, .span = input.span, .input = input.id, .column = 1}));
      continue;
    }
    if (!input.united.empty()) {
      for (std::size_t f = 0; f < input.sub->fields.size(); ++f) {
        Type type = input.sub->fields[f].expr->type;
        for (const auto& more : input.united) type.nullable |= more->fields[f].expr->type.nullable;
        if (is_ordered(type.kind) || type.kind == Kind::boolean) keys.push_back(make({.kind = ExprKind::column, .type = type, .span = input.span, .input = input.id, .column = static_cast<int>(f)}));
      }
      continue;
    }
    if (!input.table) {
      Block& sub = *block.subs[i];
      std::size_t number = 0;
      for (const ExprPtr& inner : row_key(sub)) {
        const int field = expose(sub, fmt::format(" key {}", number++), inner, inner->span);
        keys.push_back(make({.kind = ExprKind::column, .type = inner->type, .span = inner->span, .input = input.id, .column = field}));
      }
      continue;
    }
    const Table& of = table(*input.table);
    const Key* unique = nullptr;
    for (const Key& key : of.keys) {
      const bool known = std::all_of(key.columns.begin(), key.columns.end(), [&](int c) { return of.columns[static_cast<std::size_t>(c)].storage != Storage::unknown; });
      if (!unique && key.plain && key.not_null && known) unique = &key;
    }
    std::vector<int> columns = unique ? unique->columns : std::vector<int>();
    for (std::size_t c = 0; !unique && c < of.columns.size(); ++c)
      if (of.columns[c].storage != Storage::unknown && is_ordered(of.columns[c].type.kind)) columns.push_back(static_cast<int>(c));
    for (int c : columns) keys.push_back(column(input.id, *input.table, c, false, input.span));
  }
  std::erase(keys, nullptr);
  return keys;
}

void Checker::add_row_key(Block& block, std::vector<OrderKey>& order) {
  for (ExprPtr& key : row_key(block)) {
    const auto same = [&](const OrderKey& known) {
      return known.expr == key || (known.expr->kind == ExprKind::column && key->kind == ExprKind::column && known.expr->input == key->input && known.expr->column == key->column);
    };
    if (std::none_of(order.begin(), order.end(), same)) order.push_back({.expr = std::move(key)});
  }
}

}  // namespace bfl::check
