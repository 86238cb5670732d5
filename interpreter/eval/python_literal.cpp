#include "interpreter/eval/python_literal.h"

#include <charconv>

#include "interpreter/base/value.h"
#include "interpreter/eval/utf8.h"

namespace bfl::eval {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool document(JsonNode& node) {
    if (!value(node, 0)) return false;
    white_space();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void white_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  bool value(JsonNode& node, int depth) {
    if (depth > json_max_depth) return false;
    white_space();
    switch (peek()) {
      case '{': return dict(node, depth);
      case '[': return list(node, depth, ']');
      case '(': return list(node, depth, ')');
      case '\'':
      case '"': node.kind = JsonKind::text; return text(node.text);
      case 'N': return word("None");
      case 'T':
        node.kind = JsonKind::boolean;
        node.boolean = true;
        return word("True");
      case 'F': node.kind = JsonKind::boolean; return word("False");
      default: return number(node);
    }
  }

  bool number(JsonNode& node) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view("+-.eE0123456789").find(text_[at_]) != std::string_view::npos) ++at_;
    auto read = read_json(text_.substr(begin, at_ - begin));  // the two languages write numbers alike
    auto* const found = std::get_if<JsonNode>(&read);
    if (found == nullptr || found->kind != JsonKind::number) return false;
    node = std::move(*found);
    return true;
  }

  bool list(JsonNode& node, int depth, char close) {
    node.kind = JsonKind::array;
    ++at_;
    bool comma = false;
    while (true) {
      white_space();
      if (take(close)) break;
      if (!node.items.empty() && !comma) return false;
      if (!value(node.items.emplace_back(), depth + 1)) return false;
      white_space();
      comma = take(',');
    }
    // `(1)` is no tuple but the number.
    if (close == ')' && node.items.size() == 1 && !comma) {
      JsonNode only = std::move(node.items[0]);
      node = std::move(only);
    }
    return true;
  }

  bool dict(JsonNode& node, int depth) {
    node.kind = JsonKind::object;
    ++at_;
    bool comma = true;
    while (true) {
      white_space();
      if (take('}')) return unique(node);
      if (!comma) return false;
      JsonNode key;
      if (!value(key, depth + 1)) return false;
      const bool whole = key.kind == JsonKind::number && key.text.find_first_of(".eE") == std::string::npos;
      if (key.kind != JsonKind::text && !whole) return false;
      white_space();
      if (!take(':')) return false;
      node.keys.push_back(std::move(key.text));
      if (!value(node.items.emplace_back(), depth + 1)) return false;
      white_space();
      comma = take(',');
    }
  }

  // A repeated key: the reader of JSON knows which one counts.
  static bool unique(JsonNode& node) {
    auto read = read_json(write_json(node));
    auto* const again = std::get_if<JsonNode>(&read);
    if (again == nullptr) return false;
    node = std::move(*again);
    return true;
  }

  bool code(std::size_t digits, std::string& out) {
    std::uint32_t value = 0;
    if (text_.size() - at_ < digits) return false;
    const char* const begin = text_.data() + at_;
    if (std::from_chars(begin, begin + digits, value, 16).ptr != begin + digits) return false;
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
    at_ += digits;
    append_code(out, static_cast<std::int32_t>(value));
    return true;
  }

  bool escape(std::string& out) {
    if (at_ >= text_.size()) return false;
    switch (text_[at_++]) {
      case '\\': out += '\\'; return true;
      case '\'': out += '\''; return true;
      case '"': out += '"'; return true;
      case 'a': out += '\a'; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'v': out += '\v'; return true;
      case 'x': return code(2, out);
      case 'u': return code(4, out);
      case 'U': return code(8, out);
      default: return false;
    }
  }

  bool text(std::string& out) {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (!take('\\')) out += text_[at_++];
      else if (!escape(out)) return false;
    }
    return take(quote);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<JsonNode> read_python_literal(std::string_view text) {
  JsonNode node;
  if (!valid_utf8(text) || !Reader(text).document(node)) return std::nullopt;
  return node;
}

}  // namespace bfl::eval
