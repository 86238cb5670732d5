// JSON texts (RFC 8259), read exactly: numbers stay the digits that were written and never pass through a double.
//
// Reading is strict and bounded: nesting up to json_max_depth, no trailing commas, no lone surrogates, valid UTF-8 only. Of
// several members with one key the last one counts.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bfl {

inline constexpr int json_max_depth = 200;

enum class JsonKind : std::uint8_t { null, boolean, number, text, array, object };

struct JsonNode {
  JsonKind kind = JsonKind::null;
  bool boolean = false;
  std::string text{};             // number: as written; text: decoded
  std::vector<JsonNode> items{};  // array: elements; object: values, in step with `keys`
  std::vector<std::string> keys{};
};

inline JsonNode json_text(std::string text) { return {JsonKind::text, false, std::move(text)}; }

struct JsonError {
  std::string message;
  std::size_t offset = 0;  // in bytes
};

std::variant<JsonNode, JsonError> read_json(std::string_view text);
std::string write_json(const JsonNode& node);                    // compact, keys and numbers as they are
void append_json_text(std::string& out, std::string_view text);  // quoted and escaped

// One text for all documents that are equal: keys sorted, no white space, numbers by value, escapes only where needed.
std::string canonical_json(const JsonNode& node);
// The text itself when it is no JSON.
std::string canonical_json(std::string_view text);

}  // namespace bfl
