#include "interpreter/lint/subject.h"

#include <algorithm>

namespace bfl::lint {

using ast::NodeId, ast::NodeKind;

Subject::Subject(const ast::File& tree, const Sources& texts, const program::Program* checked)
    : file(tree), sources(texts), program(checked), parents_(tree.nodes.size(), ast::no_node) {
  for (NodeId id = 0; id < tree.nodes.size(); ++id)
    for (const NodeId child : ast::children(tree, id)) parents_[child] = id;
}

bool Subject::within(NodeId id, NodeKind kind) const {
  for (id = parents_[id]; id != ast::no_node; id = parents_[id])
    if (file[id].kind == kind) return true;
  return false;
}

std::vector<NodeId> Subject::all(NodeKind kind) const {
  std::vector<NodeId> list;
  for (NodeId id = 0; id < file.nodes.size(); ++id)
    if (file[id].kind == kind && (parents_[id] != ast::no_node || id == file.root)) list.push_back(id);
  std::sort(list.begin(), list.end(), [&](NodeId a, NodeId b) { return file[a].span.begin < file[b].span.begin; });
  return list;
}

std::vector<NodeId> Subject::children(NodeId id) const {
  std::vector<NodeId> list;
  for (const NodeId child : ast::children(file, id)) list.push_back(child);
  return list;
}

std::vector<NodeId> Subject::steps() const {
  std::vector<NodeId> list = all(NodeKind::step);
  std::erase_if(list, [&](NodeId id) { return !changes_rows(file[id].word); });
  return list;
}

NodeId Subject::job() const {
  const NodeId found = ast::child(file, file.root, NodeKind::job);
  return found;
}

bool Subject::any(NodeId from, const std::function<bool(NodeId)>& is) const {
  if (is(from)) return true;
  for (const NodeId child : ast::children(file, from))
    if (any(child, is)) return true;
  return false;
}

bool Subject::names_something(NodeId expression) const {
  return any(expression, [&](NodeId id) {
    const NodeKind kind = file[id].kind;
    return kind == NodeKind::name || kind == NodeKind::member || kind == NodeKind::relation || (kind == NodeKind::call && file[id].first_child == ast::no_node);
  });
}

std::vector<NodeId> Subject::clauses(NodeId step, std::string_view word) const {
  std::vector<NodeId> list;
  const auto take = [&](NodeId parent) {
    for (const NodeId child : ast::children(file, parent))
      if ((file[child].kind == NodeKind::clause || file[child].kind == NodeKind::statement) && file[child].word == word) list.push_back(child);
  };
  take(step);
  for (const NodeId child : ast::children(file, step))
    if (file[child].kind == NodeKind::relation || file[child].kind == NodeKind::body) take(child);
  return list;
}

bool changes_rows(std::string_view verb) { return verb == "update" || verb == "insert" || verb == "upsert" || verb == "delete"; }

}  // namespace bfl::lint
