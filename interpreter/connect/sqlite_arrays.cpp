#include "interpreter/connect/sqlite_arrays.h"

#include <fmt/format.h>

#include <cmath>

#include "interpreter/base/json.h"
#include "interpreter/connect/sqlite_values.h"

namespace bfl::connect::sqlite {
namespace {

using Class = RawValue::Class;

int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool unhex(std::string_view digits, std::string& out) {
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
  }
  return true;
}

// The element as SQLite would hold it, were it in a column of its own; `text` keeps what it points at.
bool raw_element(const JsonNode& node, const lower::Wire& element, bool stored, RawValue& raw, std::string& text) {
  switch (node.kind) {
    case JsonKind::null: raw = {}; return true;
    case JsonKind::boolean: raw = {.kind = Class::integer, .integer = node.boolean ? 1 : 0}; return element.type.kind == Kind::boolean;
    case JsonKind::number: {
      const auto number = Decimal::parse(node.text);
      if (element.type.kind == Kind::decimal) {
        raw = {.kind = Class::text, .bytes = node.text};
        return number.has_value();
      }
      if (element.type.kind == Kind::floating) {
        raw = {.kind = Class::real, .real = std::strtod(node.text.c_str(), nullptr)};
        return true;
      }
      const auto whole = number ? number->to_int64() : std::nullopt;
      raw = {.kind = Class::integer, .integer = whole.value_or(0)};
      return whole.has_value();
    }
    case JsonKind::text:
      if (element.type.kind == Kind::bytes) {
        if (!unhex(node.text, text)) return false;
        raw = {.kind = Class::blob, .bytes = text};
        return true;
      }
      raw = {.kind = Class::text, .bytes = node.text};
      return true;
    case JsonKind::array:
    case JsonKind::object: break;
  }
  text = write_json(node);
  raw = {.kind = Class::text, .bytes = text};
  return stored && element.type.kind == Kind::json;
}

bool append_element(const Value& item, const lower::Wire& element, Storage storage, std::string& out, std::string& problem) {
  const bool stored = storage == Storage::json_text;
  if (item.is_null()) return out += "null", true;
  if (stored && item.kind() == Kind::boolean) return out += item.as<bool>() ? "true" : "false", true;
  if (stored && item.kind() == Kind::decimal) return out += item.as<Decimal>().to_string(), true;
  if (item.kind() == Kind::json) {  // on its way: a text, so that it stays the document that it is
    if (stored) out += item.as<Json>().text;
    else append_json_text(out, storage == Storage::json_canonical ? canonical_json(item.as<Json>().text) : item.as<Json>().text);
    return true;
  }
  if (item.kind() == Kind::floating && std::isfinite(item.as<double>())) {
    const std::string digits = fmt::format("{}", item.as<double>());
    out += digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits;
    return true;
  }
  if (item.kind() == Kind::floating && stored) return problem = fmt::format("{} has no form in JSON", to_literal(item)), false;
  if (item.kind() == Kind::floating && std::isinf(item.as<double>())) return out += item.as<double>() < 0 ? "-1e999" : "1e999", true;
  std::string arena;
  RawValue raw;
  if (!encode_into(item, element, arena, raw, problem)) return false;
  if (raw.kind == Class::integer) fmt::format_to(std::back_inserter(out), "{}", raw.integer);
  else if (raw.kind == Class::blob) {
    out += '"';
    for (const char c : raw.bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(c));
    out += '"';
  } else append_json_text(out, raw.bytes);
  return true;
}

}  // namespace

bool decode_array(std::string_view text, const lower::Wire& wire, Value& out, std::string& problem) {
  const lower::Wire element = lower::wire_of(wire.type.element ? *wire.type.element : Type{});
  auto read = read_json(text);
  const auto* node = std::get_if<JsonNode>(&read);
  if (!node || node->kind != JsonKind::array) {
    problem = fmt::format("`{}` is stored where an array is expected, as a JSON text", text.substr(0, 60));
    return false;
  }
  std::vector<Value> items(node->items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    RawValue raw;
    std::string kept, why;
    bool good = true;
    if (element.type.kind == Kind::json && wire.storage == Storage::json_text) items[i] = Json{write_json(node->items[i])};
    else good = raw_element(node->items[i], element, wire.storage == Storage::json_text, raw, kept) && decode_into(raw, element, items[i], why);
    if (!good || (items[i].is_null() && !element.type.nullable && element.type.kind != Kind::null)) {
      problem = fmt::format("element {} of the array is {}, not {}", i + 1, write_json(node->items[i]), to_string(element.type));
      return false;
    }
  }
  out = Array{std::make_shared<const std::vector<Value>>(std::move(items))};
  return true;
}

bool encode_array(const Array& array, const lower::Wire& wire, std::string& out, std::string& problem) {
  lower::Wire element = lower::wire_of(wire.type.element ? *wire.type.element : Type{});
  if (element.type.kind == Kind::array && wire.storage == Storage::json_canonical) element.storage = wire.storage;
  std::string text = "[";
  if (array.items)
    for (const Value& item : *array.items) {
      if (text.size() > 1) text += ',';
      if (!append_element(item, element, wire.storage, text, problem)) return false;
    }
  out = text + "]";
  return true;
}

}  // namespace bfl::connect::sqlite
