// A parsed script for tests of the parser, with what was found in it.
#pragma once
#include <string>

#include "interpreter/syntax/parse.h"

namespace bfl {

struct Parsed {
  Sources sources;
  Diagnostics diagnostics{200};
  ast::File file;

  explicit Parsed(std::string text) { file = syntax::parse(sources, sources.add("job.bfl", std::move(text)), diagnostics); }
  std::string drawn() const { return render(diagnostics, sources); }
  std::size_t errors() const { return diagnostics.errors(); }
  const Diagnostic& error(std::size_t index = 0) const { return diagnostics.all().at(index); }
  std::string_view marked(std::size_t index = 0) const { return sources.slice(error(index).span); }
  ast::NodeId item(std::size_t index = 0) const { return ast::child_at(file, file.root, index); }
  std::string dump() const { return ast::dump(file, file.root); }
};

inline std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace bfl
