#include "interpreter/eval/php_serialized.h"

#include <charconv>

#include "interpreter/base/value.h"

namespace bfl::eval {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool document(JsonNode& node) { return value(node, 0) && at_ == text_.size(); }

 private:
  bool take(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  // Up to `end`, which is passed over.
  std::optional<std::string_view> until(char end) {
    const std::size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) return std::nullopt;
    const std::string_view part = text_.substr(at_, found - at_);
    at_ = found + 1;
    return part;
  }

  std::optional<std::size_t> size() {
    const auto digits = until(':');
    std::size_t value = 0;
    if (!digits || digits->empty()) return std::nullopt;
    const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (error != std::errc() || end != digits->data() + digits->size() || value > text_.size()) return std::nullopt;
    return value;
  }

  // `5:"admin"`: the size counts bytes.
  bool quoted(std::string& out) {
    const auto bytes = size();
    if (!bytes || !take("\"") || text_.size() - at_ < *bytes) return false;
    out = text_.substr(at_, *bytes);
    at_ += *bytes;
    return take("\"") && valid_utf8(out);
  }

  bool number(JsonNode& node) {
    const auto digits = until(';');
    if (!digits) return false;
    auto read = read_json(*digits);
    auto* const found = std::get_if<JsonNode>(&read);
    if (found == nullptr || found->kind != JsonKind::number) return false;
    node = std::move(*found);
    return true;
  }

  bool value(JsonNode& node, int depth) {
    if (depth > json_max_depth) return false;
    if (take("N;")) return true;
    if (take("i:") || take("d:")) return number(node);
    if (take("b:")) {
      node.kind = JsonKind::boolean;
      node.boolean = take("1;");
      return node.boolean || take("0;");
    }
    if (take("s:")) {
      node.kind = JsonKind::text;
      return quoted(node.text) && take(";");
    }
    if (take("a:")) return members(node, depth, false);
    std::string name;
    return take("O:") && quoted(name) && take(":") && members(node, depth, true);
  }

  bool members(JsonNode& node, int depth, bool properties) {
    const auto count = size();
    if (!count || !take("{")) return false;
    node.kind = JsonKind::object;
    bool numbered = !properties;
    for (std::size_t i = 0; i < *count; ++i) {
      JsonNode key;
      if (!value(key, depth + 1) || (key.kind != JsonKind::text && key.kind != JsonKind::number)) return false;
      numbered = numbered && key.kind == JsonKind::number && key.text == std::to_string(i);
      // Of a private or protected property PHP writes the class before the name, between zero bytes.
      const std::size_t zero = properties ? key.text.rfind('\0') : std::string::npos;
      node.keys.push_back(zero == std::string::npos ? std::move(key.text) : key.text.substr(zero + 1));
      if (!value(node.items.emplace_back(), depth + 1)) return false;
    }
    if (numbered) {
      node.kind = JsonKind::array;
      node.keys.clear();
    }
    return take("}");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// A whole number in the form that PHP writes.
bool whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(value) == text;
}

void write_text(std::string_view text, std::string& out) {
  out.append("s:").append(std::to_string(text.size())).append(":\"").append(text).append("\";");
}

void write(const JsonNode& node, std::string& out) {
  switch (node.kind) {
    case JsonKind::null: out += "N;"; return;
    case JsonKind::boolean: out += node.boolean ? "b:1;" : "b:0;"; return;
    case JsonKind::number: out.append(whole(node.text) ? "i:" : "d:").append(node.text) += ';'; return;
    case JsonKind::text: write_text(node.text, out); return;
    case JsonKind::array:
    case JsonKind::object: break;
  }
  out.append("a:").append(std::to_string(node.items.size())).append(":{");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string key = node.kind == JsonKind::array ? std::to_string(i) : node.keys[i];
    if (whole(key)) out.append("i:").append(key) += ';';
    else write_text(key, out);
    write(node.items[i], out);
  }
  out += '}';
}

}  // namespace

std::string write_php_serialized(const JsonNode& node) {
  std::string out;
  write(node, out);
  return out;
}

std::optional<JsonNode> read_php_serialized(std::string_view text) {
  JsonNode node;
  if (!Reader(text).document(node)) return std::nullopt;
  // Repeated keys and zero bytes: the reader of JSON knows what counts.
  auto again = read_json(write_json(node));
  auto* const read = std::get_if<JsonNode>(&again);
  if (read == nullptr) return std::nullopt;
  return std::move(*read);
}

}  // namespace bfl::eval
