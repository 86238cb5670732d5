#include "interpreter/syntax/ast.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace bfl::ast {

namespace {

constexpr std::string_view kind_names[] = {
    "file",   "job",    "entry",   "use",    "param",     "source",   "column_decl", "program", "let",          "fn",       "fn_param",
    "step",   "recipe", "apply", "for", "relation", "alias", "clause", "by",  "using",    "else_skip",   "assign",       "order_key", "over",
    "body",   "statement", "type", "null",   "true",      "false",    "integer",     "decimal",      "string",   "fstring",
    "string_piece", "date", "timestamp", "time_of_day", "duration", "size", "percent", "name",     "member",       "call",     "pick",
    "named_arg", "unary", "binary", "case",  "case_arm",  "case_else", "array",      "object",       "object_entry", "tuple",
    "sql", "error"};
static_assert(std::size(kind_names) == static_cast<std::size_t>(NodeKind::error) + 1);

constexpr std::string_view op_names[] = {"",   "negate", "not", "or", "and", "==", "!=", "<", "<=",  ">",        ">=",   "in",
                                         "not in", "??", "+",   "-",  "*",   "/",  "one", "optional", "many", "each", "asc", "desc"};
static_assert(std::size(op_names) == static_cast<std::size_t>(Op::descending) + 1);

// Only what keeps a node on its line: content is shown as written otherwise.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

NodeId child(const File& file, NodeId parent, NodeKind kind) {
  for (const NodeId id : children(file, parent)) {
    if (file[id].kind == kind) return id;
  }
  return no_node;
}

NodeId child_at(const File& file, NodeId parent, std::size_t index) {
  for (const NodeId id : children(file, parent)) {
    if (index-- == 0) return id;
  }
  return no_node;
}

std::size_t child_count(const File& file, NodeId parent) {
  std::size_t count = 0;
  for ([[maybe_unused]] const NodeId id : children(file, parent)) ++count;
  return count;
}

std::string documentation(const File& file, const Sources& sources, NodeId item) {
  if (file[item].span.file != file.source) return {};  // the comments of modules are not kept
  const std::string_view text = sources.file(file.source).text();
  std::uint32_t below = file[item].span.begin;  // what the next comment above has to touch
  auto comment = std::lower_bound(file.comments.begin(), file.comments.end(), below,
                                  [](const Comment& c, std::uint32_t offset) { return c.span.begin < offset; });
  std::vector<std::string_view> lines;
  while (comment != file.comments.begin()) {
    --comment;
    const std::string_view between = text.substr(comment->span.end, below - comment->span.end);
    if (between.find_first_not_of(" \t\r\n") != std::string_view::npos) break;
    if (std::count(between.begin(), between.end(), '\n') != 1) break;
    const std::size_t line = comment->span.begin == 0 ? std::string_view::npos : text.rfind('\n', comment->span.begin - 1);
    const std::size_t start = line == std::string_view::npos ? 0 : line + 1;
    if (text.substr(start, comment->span.begin - start).find_first_not_of(" \t") != std::string_view::npos) break;
    std::string_view content = text.substr(comment->span.begin, comment->span.end - comment->span.begin);
    content.remove_prefix(content.starts_with("# ") ? 2 : 1);
    lines.push_back(content);
    below = comment->span.begin;
  }
  std::string out;
  for (std::size_t i = lines.size(); i-- > 0;) {
    out += lines[i];
    if (i != 0) out += '\n';
  }
  return out;
}

std::string dump(const File& file, NodeId from) {
  std::string out;
  std::vector<std::pair<NodeId, std::size_t>> todo{{from, 0}};
  while (!todo.empty()) {
    const auto [id, depth] = todo.back();
    todo.pop_back();
    if (id == no_node) continue;
    const Node& node = file[id];
    if (id != from) todo.push_back({node.next_sibling, depth});
    todo.push_back({node.first_child, depth + 1});
    out += fmt::format("{:{}}{}", "", depth * 2, kind_names[static_cast<std::size_t>(node.kind)]);
    if (!node.word.empty()) out += fmt::format(" {}", node.word);
    if (node.op != Op::none) out += fmt::format(" {}", op_names[static_cast<std::size_t>(node.op)]);
    if (!node.text.empty()) out += fmt::format(" `{}`", one_line(node.text));
    constexpr std::pair<std::uint16_t, std::string_view> flags[] = {
        {flag::native, "native"},         {flag::nullable, "nullable"},
        {flag::array, "array"},           {flag::raw, "raw"},
        {flag::triple, "triple"},         {flag::has_subject, "has_subject"},
        {flag::backticked, "backticked"}, {flag::element_nullable, "element_nullable"},
        {flag::secret, "secret"}};
    for (const auto& [bit, name] : flags) {
      if ((node.flags & bit) != 0) out += fmt::format(" {}", name);
    }
    out += '\n';
  }
  return out;
}

}  // namespace bfl::ast
