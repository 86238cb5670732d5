// Any bytes: parse() must neither crash nor hang, what it says must be drawable, and every span must lie inside the text.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "interpreter/syntax/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bfl::Sources sources;
  const std::uint32_t source = sources.add("fuzz.bfl", std::string(reinterpret_cast<const char*>(data), size));
  bfl::Diagnostics diagnostics;
  const bfl::ast::File file = bfl::syntax::parse(sources, source, diagnostics);
  const auto inside = [&](bfl::Span span) { return span.begin <= span.end && span.end <= size && span.file == source; };
  for (const bfl::Diagnostic& diagnostic : diagnostics.all()) {
    if (!inside(diagnostic.span)) std::abort();
    for (const bfl::Label& label : diagnostic.labels) {
      if (!inside(label.span)) std::abort();
    }
    (void)bfl::render(diagnostic, sources, {.color = true});
    (void)bfl::to_json(diagnostic, sources);
  }
  std::size_t reached = 0;
  for (const bfl::ast::Node& node : file.nodes) {
    if (!inside(node.span) || !inside(node.name_span)) std::abort();
    if (node.first_child != bfl::ast::no_node) ++reached;
  }
  if (reached > file.nodes.size()) std::abort();
  for (const bfl::ast::NodeId item : bfl::ast::children(file, file.root)) (void)bfl::ast::documentation(file, sources, item);
  if (!diagnostics.has_errors()) {
    for (bfl::ast::NodeId id = 0; id < file.nodes.size(); ++id) {
      const bfl::ast::NodeKind kind = file[id].kind;
      const bool text = kind == bfl::ast::NodeKind::string || kind == bfl::ast::NodeKind::string_piece;
      if (text && !bfl::syntax::string_content(file, id, diagnostics)) std::abort();
    }
    (void)bfl::ast::dump(file, file.root);
  }
  return 0;
}
