// Paths that lead to a table: `shop.orders`, and with its schema `shop.sales.orders`.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::InputKind;
using program::TableRef;

std::pair<NodeId, std::string> Checker::table_path(NodeId node) const {
  const NodeId left = at(node).kind == NodeKind::member ? at(node).first_child : ast::no_node;
  if (left == ast::no_node) return {ast::no_node, {}};
  if (at(left).kind == NodeKind::name) return {left, std::string(at(node).text)};
  const NodeId source = at(left).kind == NodeKind::member ? at(left).first_child : ast::no_node;
  if (source == ast::no_node || at(source).kind != NodeKind::name) return {ast::no_node, {}};
  return {source, fmt::format("{}.{}", at(left).text, at(node).text)};
}

BlockPtr Checker::table_block(NodeId node, NodeId source_node, std::string_view name) {
  const std::string_view source = at(source_node).text;
  const auto declared = names_.find(source);
  if (declared == names_.end() || declared->second.kind != Declared::source) {
    std::vector<std::string> known;
    for (const auto& entry : program.sources) known.push_back(entry.name);
    std::string help = did_you_mean(source, known);
    for (const Scope* scope = scope_; scope && help.empty(); scope = scope->outer)
      if (std::any_of(scope->block->aliases.begin(), scope->block->aliases.end(), [&](const Alias& alias) { return alias.name == source; }))
        help = fmt::format("`{}` is the alias of a row: `count` and `exists` take a relation", source);
    if (help.empty()) help = known.empty() ? "declare it: `source shop = sqlite(\"shop.db\")`" : fmt::format("the source is `{}`", known[0]);
    error(Code::unknown_source, at(source_node).span, fmt::format("unknown source `{}`", source), std::move(help));
    return broken();
  }
  declared->second.used = true;
  const int index = static_cast<int>(declared->second.index);
  if (declared->second.index >= source_names_.size()) return broken();
  if (!known(declared->second.index)) return note_unknown_table(node, declared->second.index), broken();
  const auto& tables = source_names_[declared->second.index].tables;
  const auto found = tables.find(name);
  if (found == tables.end()) {
    std::vector<std::string> known;
    if (heard())
      for (const Table& entry : program.catalogues[declared->second.index].tables)
        if (entry.kept.empty()) known.push_back(entry.name);
    std::string help = did_you_mean(name, known);
    if (help.empty() && !known.empty()) {
      help = "its tables are";
      for (std::size_t i = 0; i < known.size() && i < 12; ++i) help += fmt::format("{} `{}`", i ? "," : "", known[i]);
      if (known.size() > 12) help += ", …";
    }
    error(Code::unknown_table, at(node).name_span, fmt::format("`{}` has no table `{}`", source, name), std::move(help));
    return broken();
  }
  auto block = std::make_shared<Block>();
  const TableRef ref{index, found->second};
  note_table(ref, at(source_node).span, at(node).name_span);
  block->relation->inputs.push_back({.id = fresh_input({}, ref, nullptr), .kind = InputKind::anchor, .alias = {}, .table = ref, .span = at(node).span});
  block->subs.push_back(nullptr);
  block->relation->anchored = true;
  block->relation->span = at(node).span;
  return block;
}

}  // namespace bfl::check
