#include "interpreter/base/json.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "interpreter/base/value.h"

namespace bfl {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::variant<JsonNode, JsonError> document() {
    if (!valid_utf8(text_)) return JsonError{"the text is not valid UTF-8", 0};
    JsonNode node;
    if (!value(node, 0)) return error_;
    white_space();
    if (at_ != text_.size()) return JsonError{"something follows the value", at_};
    return node;
  }

 private:
  bool fail(std::string message) {
    error_ = {std::move(message), at_};
    return false;
  }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }
  void white_space() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }
  bool digit() const { return !at_end() && text_[at_] >= '0' && text_[at_] <= '9'; }

  bool value(JsonNode& node, int depth) {
    white_space();
    if (at_end()) return fail("a value was expected");
    switch (peek()) {
      case '{': return object(node, depth + 1);
      case '[': return array(node, depth + 1);
      case '"': node.kind = JsonKind::text; return text(node.text);
      case 't':
        node.kind = JsonKind::boolean;
        node.boolean = true;
        return word("true");
      case 'f': node.kind = JsonKind::boolean; return word("false");
      case 'n': return word("null");
      default: return number(node);
    }
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return fail("a value was expected");
    at_ += expected.size();
    return true;
  }

  bool number(JsonNode& node) {
    const std::size_t begin = at_;
    take('-');
    if (!digit()) return fail("a value was expected");
    if (!take('0'))
      while (digit()) ++at_;
    if (take('.')) {
      if (!digit()) return fail("a digit was expected");
      while (digit()) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('-')) take('+');
      const std::size_t exponent = at_;
      if (!digit()) return fail("a digit was expected");
      while (digit()) ++at_;
      if (at_ - exponent > 9) return fail("the exponent of a number is too large");
    }
    node.kind = JsonKind::number;
    node.text = text_.substr(begin, at_ - begin);
    return true;
  }

  bool four_digits(std::uint32_t& code) {
    if (text_.size() - at_ < 4) return fail("four hexadecimal digits were expected");
    const char* const begin = text_.data() + at_;
    code = 0;
    const auto read = std::from_chars(begin, begin + 4, code, 16);
    if (read.ptr != begin + 4) return fail("four hexadecimal digits were expected");
    at_ += 4;
    return true;
  }

  bool escape(std::string& out) {
    const char c = peek();
    if (at_end()) return fail("the text is not closed");
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/': out += c; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': break;
      default: --at_; return fail("an unknown escape");
    }
    std::uint32_t code = 0;
    if (!four_digits(code)) return false;
    if (code >= 0xdc00 && code < 0xe000) return fail("half of a surrogate pair");
    if (code >= 0xd800 && code < 0xdc00) {
      std::uint32_t low = 0;
      if (!take('\\') || !take('u') || !four_digits(low) || low < 0xdc00 || low >= 0xe000) return fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }

  bool text(std::string& out) {
    ++at_;
    while (true) {
      const std::size_t begin = at_;
      while (!at_end() && peek() != '"' && peek() != '\\' && static_cast<unsigned char>(peek()) >= 0x20) ++at_;
      out += text_.substr(begin, at_ - begin);
      if (at_end()) return fail("the text is not closed");
      if (take('"')) return true;
      if (!take('\\')) return fail("a control character in a text");
      if (!escape(out)) return false;
    }
  }

  bool array(JsonNode& node, int depth) {
    if (depth > json_max_depth) return fail("the nesting is too deep");
    node.kind = JsonKind::array;
    ++at_;
    white_space();
    if (take(']')) return true;
    while (true) {
      if (!value(node.items.emplace_back(), depth)) return false;
      white_space();
      if (take(']')) return true;
      if (!take(',')) return fail("`,` or `]` was expected");
    }
  }

  bool object(JsonNode& node, int depth) {
    if (depth > json_max_depth) return fail("the nesting is too deep");
    node.kind = JsonKind::object;
    ++at_;
    white_space();
    if (take('}')) return true;
    while (true) {
      white_space();
      if (peek() != '"' || at_end()) return fail("a key in quotes was expected");
      if (!text(node.keys.emplace_back())) return false;
      white_space();
      if (!take(':')) return fail("`:` was expected");
      if (!value(node.items.emplace_back(), depth)) return false;
      white_space();
      if (take('}')) break;
      if (!take(',')) return fail("`,` or `}` was expected");
    }
    drop_repeated_keys(node);
    return true;
  }

  static void drop_repeated_keys(JsonNode& node) {
    std::vector<std::size_t> by_key(node.keys.size());
    std::iota(by_key.begin(), by_key.end(), std::size_t{0});
    std::sort(by_key.begin(), by_key.end(), [&](std::size_t a, std::size_t b) {
      const int order = node.keys[a].compare(node.keys[b]);
      return order != 0 ? order < 0 : a < b;
    });
    std::vector<bool> dropped(node.keys.size(), false);
    bool any = false;
    for (std::size_t i = 0; i + 1 < by_key.size(); ++i)
      if (node.keys[by_key[i]] == node.keys[by_key[i + 1]]) any = dropped[by_key[i]] = true;
    if (!any) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (dropped[i]) continue;
      if (kept != i) {
        node.keys[kept] = std::move(node.keys[i]);
        node.items[kept] = std::move(node.items[i]);
      }
      ++kept;
    }
    node.keys.resize(kept);
    node.items.resize(kept);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  JsonError error_;
};

// 1.50e2, 150 and 15e1 are one number: its digits without zeros at either end, and the power of ten of the last one.
std::string canonical_number(std::string_view text) {
  const bool negative = text[0] == '-';
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  std::string digits;
  std::int64_t exponent = 0;
  if (e < text.size()) {
    std::string_view written = text.substr(e + 1);
    if (written[0] == '+') written.remove_prefix(1);
    std::from_chars(written.data(), written.data() + written.size(), exponent);
  }
  bool fraction = false;
  for (const char c : text.substr(0, e)) {
    if (c == '.') {
      fraction = true;
    } else if (c != '-') {
      digits += c;
      if (fraction) --exponent;
    }
  }
  const std::size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return "0";
  const std::size_t last = digits.find_last_not_of('0');
  exponent += static_cast<std::int64_t>(digits.size() - 1 - last);
  digits = digits.substr(first, last - first + 1);
  constexpr std::int64_t plain = 40;  // up to here numbers are written without an exponent
  const auto count = static_cast<std::int64_t>(digits.size());
  if (exponent >= 0 && exponent <= plain) {
    digits.append(static_cast<std::size_t>(exponent), '0');
  } else if (exponent < 0 && -exponent < count) {
    digits.insert(static_cast<std::size_t>(count + exponent), 1, '.');
  } else if (exponent < 0 && -exponent <= count + plain) {
    digits.insert(0, "0." + std::string(static_cast<std::size_t>(-exponent - count), '0'));
  } else {
    digits += "e" + std::to_string(exponent);
  }
  return negative ? "-" + digits : digits;
}

void append(std::string& out, const JsonNode& node, bool canonical) {
  switch (node.kind) {
    case JsonKind::null: out += "null"; return;
    case JsonKind::boolean: out += node.boolean ? "true" : "false"; return;
    case JsonKind::number: out += canonical ? canonical_number(node.text) : node.text; return;
    case JsonKind::text: append_json_text(out, node.text); return;
    case JsonKind::array:
      out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i != 0) out += ',';
        append(out, node.items[i], canonical);
      }
      out += ']';
      return;
    case JsonKind::object: break;
  }
  std::vector<std::size_t> members(node.keys.size());
  std::iota(members.begin(), members.end(), std::size_t{0});
  if (canonical) std::sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) { return node.keys[a] < node.keys[b]; });
  out += '{';
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i != 0) out += ',';
    append_json_text(out, node.keys[members[i]]);
    out += ':';
    append(out, node.items[members[i]], canonical);
  }
  out += '}';
}

}  // namespace

std::variant<JsonNode, JsonError> read_json(std::string_view text) { return Reader(text).document(); }

std::string write_json(const JsonNode& node) {
  std::string out;
  append(out, node, false);
  return out;
}

void append_json_text(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[static_cast<unsigned char>(c) >> 4];
          out += digits[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string canonical_json(const JsonNode& node) {
  std::string out;
  append(out, node, true);
  return out;
}

std::string canonical_json(std::string_view text) {
  const auto read = read_json(text);
  const auto* const node = std::get_if<JsonNode>(&read);
  return node != nullptr ? canonical_json(*node) : std::string(text);
}

}  // namespace bfl
