#include "interpreter/syntax/tokens.h"

#include <algorithm>
#include <unordered_map>

namespace bfl::syntax {

namespace {

bool starts_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool in_word(char c) { return starts_word(c) || (c >= '0' && c <= '9'); }

// The end of a text in quotes that begins at `at`, prefix included.
std::size_t end_of_text(std::string_view text, std::size_t at) {
  const bool raw = text[at] == 'r';
  if (raw) ++at;
  const bool triple = text.substr(at).starts_with("\"\"\"");
  at += triple ? 3 : 1;
  while (at < text.size()) {
    if (!raw && text[at] == '\\') at += 2;
    else if (triple ? text.substr(at).starts_with("\"\"\"") : text[at] == '"') return at + (triple ? 3 : 1);
    else ++at;
  }
  return text.size();
}

std::size_t end_of_sign(std::string_view text, std::size_t at) {
  constexpr std::string_view pairs[] = {"==", "!=", "<=", ">=", "=>", "->", "??", ".."};
  const auto two = text.substr(at, 2);
  return at + (std::find(std::begin(pairs), std::end(pairs), two) != std::end(pairs) ? 2 : 1);
}

// Numbers, dates and f-strings hold signs that are tokens elsewhere; the tree says where they end.
std::unordered_map<std::uint32_t, std::uint32_t> literals(const ast::File& file, std::string_view text) {
  using ast::NodeKind;
  std::unordered_map<std::uint32_t, std::uint32_t> ends;
  for (const ast::Node& node : file.nodes) {
    switch (node.kind) {
      case NodeKind::integer: case NodeKind::decimal: case NodeKind::date: case NodeKind::timestamp: case NodeKind::time_of_day: case NodeKind::duration:
      case NodeKind::size: case NodeKind::percent: case NodeKind::fstring: {
        const auto begin = static_cast<std::uint32_t>(node.text.data() - text.data());
        ends[begin] = begin + static_cast<std::uint32_t>(node.text.size());
        break;
      }
      default: break;
    }
  }
  return ends;
}

}  // namespace

std::uint32_t Tokens::at(std::uint32_t offset) const {
  const auto found = std::lower_bound(list.begin(), list.end(), offset, [](const Token& t, std::uint32_t o) { return t.begin < o; });
  return static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(found - list.begin(), static_cast<std::ptrdiff_t>(list.size()) - 1));
}

std::uint32_t Tokens::before(std::uint32_t offset) const {
  const auto found = std::lower_bound(list.begin(), list.end(), offset, [](const Token& t, std::uint32_t o) { return t.begin < o; });
  return static_cast<std::uint32_t>(std::max<std::ptrdiff_t>(found - list.begin() - 1, 0));
}

Tokens tokens(const ast::File& file, const Sources& sources) {
  const std::string_view text = sources.file(file.source).text();
  const auto ends = literals(file, text);
  Tokens result;
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  std::uint32_t lines = 1, comments = 0;  // the beginning of the text is the beginning of a line
  while (at < text.size()) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      lines += c == '\n';
      ++at;
      continue;
    }
    std::size_t end = at;
    if (c == '#') {
      end = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, end - at);
      result.comments.push_back({line.substr(0, line.find_last_not_of(" \t\r") + 1), lines});
      ++comments;
    } else {
      const auto literal = ends.find(static_cast<std::uint32_t>(at));
      if (literal != ends.end()) end = literal->second;
      else if (c == '"' || (c == 'r' && at + 1 < text.size() && text[at + 1] == '"')) end = end_of_text(text, at);
      else if (c == '`') end = text.find('`', at + 1) + 1;
      else if (in_word(c)) while (end < text.size() && in_word(text[end])) ++end;
      else end = end_of_sign(text, at);
      const auto first = static_cast<std::uint32_t>(result.comments.size()) - comments;
      result.list.push_back({text.substr(at, end - at), static_cast<std::uint32_t>(at), lines, first, comments});
      comments = 0;
    }
    lines = 0;
    at = end;
  }
  const auto first = static_cast<std::uint32_t>(result.comments.size()) - comments;
  result.list.push_back({{}, static_cast<std::uint32_t>(text.size()), lines, first, comments});
  return result;
}

bool same_tokens(const Tokens& a, const Tokens& b) {
  const auto same_comment = [](const Between& x, const Between& y) { return x.text == y.text && (x.lines == 0) == (y.lines == 0); };
  return std::equal(a.comments.begin(), a.comments.end(), b.comments.begin(), b.comments.end(), same_comment) &&
         std::equal(a.list.begin(), a.list.end(), b.list.begin(), b.list.end(),
                    [](const Token& x, const Token& y) { return x.text == y.text && x.comments == y.comments; });
}

}  // namespace bfl::syntax
