// Edits for mistakes whose help names what was probably meant.
#include "interpreter/lsp/features.h"

namespace bfl::lsp {

std::vector<Mend> mends(const Document& document, Span range) {
  std::vector<Mend> found;
  const auto& all = document.now->diagnostics.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Diagnostic& diagnostic = all[i];
    if (diagnostic.span.file != document.now->file || diagnostic.span.end < range.begin || diagnostic.span.begin > range.end) continue;
    constexpr std::string_view asks = "did you mean `";
    if (!diagnostic.help.starts_with(asks) || !diagnostic.help.ends_with("`?")) continue;
    const std::string meant = diagnostic.help.substr(asks.size(), diagnostic.help.size() - asks.size() - 2);
    const std::string_view there = document.now->texts.slice(diagnostic.span);
    bool word = !there.empty();
    for (char c : there) word &= is_word_character(c) || c == '.';
    if (word) found.push_back({"write `" + meant + "`", diagnostic.span, meant, i});
  }
  return found;
}

}  // namespace bfl::lsp
