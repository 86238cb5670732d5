// The items of a text, and what of it can be folded.
#include <algorithm>

#include "interpreter/lsp/features.h"

namespace bfl::lsp {

using ast::NodeId;
using ast::NodeKind;

std::vector<OutlineItem> outline(const Document& document) {
  std::vector<OutlineItem> items;
  const ast::File& file = document.now->tree;
  const auto add = [&](NodeId item, OutlineKind kind, std::string_view detail) {
    const ast::Node& of = file[item];
    Span name = of.name_span;
    if (name.begin < of.span.begin || name.end > of.span.end) name = of.span;
    items.push_back({std::string(of.text.empty() ? detail : of.text), std::string(detail), kind, of.span, name});
  };
  for (NodeId item : ast::children(file, file.root)) {
    switch (file[item].kind) {
      case NodeKind::job: add(item, OutlineKind::job, "job"); break;
      case NodeKind::param: add(item, OutlineKind::parameter, "param"); break;
      case NodeKind::source: add(item, OutlineKind::source, "source"); break;
      case NodeKind::let: add(item, OutlineKind::relation, "let"); break;
      case NodeKind::fn: add(item, OutlineKind::function, "fn"); break;
      case NodeKind::recipe: add(item, OutlineKind::recipe, "recipe"); break;
      case NodeKind::apply: add(item, OutlineKind::recipe, "apply"); break;
      case NodeKind::for_: add(item, OutlineKind::recipe, "for"); break;
      case NodeKind::step:
        add(item, file[item].word == "test" ? OutlineKind::test : file[item].word == "snapshot" ? OutlineKind::relation : OutlineKind::step, file[item].word);
        break;
      default: break;
    }
  }
  return items;
}

std::vector<Span> folds(const Document& document) {
  std::vector<Span> found;
  const ast::File& file = document.now->tree;
  const Lines lines(document.text);
  const auto add = [&](Span span) {
    if (lines.place(span.begin).line < lines.place(span.end).line) found.push_back(span);
  };
  for (const ast::Node& node : file.nodes)
    switch (node.kind) {
      case NodeKind::job: case NodeKind::param: case NodeKind::source: case NodeKind::let: case NodeKind::fn: case NodeKind::recipe: case NodeKind::step:
      case NodeKind::for_: case NodeKind::apply: case NodeKind::case_: case NodeKind::array: case NodeKind::object: add(node.span); break;
      default: break;
    }
  // Comment lines below each other.
  for (std::size_t i = 0; i < file.comments.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < file.comments.size() && lines.place(file.comments[last + 1].span.begin).line == lines.place(file.comments[last].span.begin).line + 1) ++last;
    if (last > i) add({file.comments[i].span.begin, file.comments[last].span.end, file.source});
    i = last;
  }
  return found;
}

}  // namespace bfl::lsp
