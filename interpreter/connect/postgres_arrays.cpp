#include "interpreter/connect/postgres_arrays.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace bfl::connect::postgres {
namespace {

struct Item {
  std::string text;
  bool null = false;
};

// Nothing: not of that form.
std::optional<std::vector<Item>> items_of(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<Item> items;
  if (text.empty()) return items;
  for (std::size_t at = 0;; ++at) {
    Item& item = items.emplace_back();
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
        if (at < text.size()) item.text += text[at];
      }
      if (at++ >= text.size()) return std::nullopt;
    } else {
      for (; at < text.size() && text[at] != ','; ++at) {
        if (text[at] == '{' || text[at] == '}' || text[at] == '"') return std::nullopt;
        item.text += text[at];
      }
      item.null = item.text == "NULL";
    }
    if (at >= text.size()) return items;
    if (text[at] != ',') return std::nullopt;
  }
}

std::optional<std::string> unhex(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 2; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc() || end != text.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

template <class T>
std::optional<Value> given(const std::optional<T>& value) {
  return value ? std::optional<Value>(Value(*value)) : std::nullopt;
}

std::optional<Value> element_of(const std::string& text, Kind kind) {
  switch (kind) {
    case Kind::integer: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc() && end == text.data() + text.size() ? std::optional<Value>(Value(number)) : std::nullopt;
    }
    case Kind::boolean: return text == "t" || text == "f" ? std::optional<Value>(Value(text == "t")) : std::nullopt;
    case Kind::decimal: return given(Decimal::parse(text));
    case Kind::floating: {
      if (text == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
      if (text == "Infinity" || text == "-Infinity") return Value(std::copysign(std::numeric_limits<double>::infinity(), text[0] == '-' ? -1.0 : 1.0));
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc() && end == text.data() + text.size() ? std::optional<Value>(Value(number)) : std::nullopt;
    }
    case Kind::text: return Value(text);
    case Kind::bytes: {
      auto bytes = unhex(text);
      return bytes ? std::optional<Value>(Value(Bytes{std::move(*bytes)})) : std::nullopt;
    }
    case Kind::date: return given(parse_date(text));
    case Kind::timestamp: return given(parse_timestamp(text));
    case Kind::uuid: return given(parse_uuid(text));
    case Kind::json: return Value(Json{text});
    default: return std::nullopt;
  }
}

std::string text_of(const Value& value) {
  switch (value.kind()) {
    case Kind::integer: return std::to_string(value.as<std::int64_t>());
    case Kind::boolean: return value.as<bool>() ? "t" : "f";
    case Kind::decimal: return value.as<Decimal>().to_string();
    case Kind::floating: {
      const double number = value.as<double>();
      return std::isnan(number) ? "NaN" : std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity") : fmt::format("{}", number);
    }
    case Kind::bytes: {
      std::string text = "\\x";
      for (const char c : value.as<Bytes>().data) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
      return text;
    }
    case Kind::json: return value.as<Json>().text;
    default: return to_display(value);
  }
}

}  // namespace

bool decode_array(std::string_view text, const Type& element, Value& out, std::string& problem) {
  const auto items = items_of(text);
  if (!items) {
    problem = fmt::format("`{}` is stored where an array of one dimension, counted from 1, is expected", text.substr(0, 60));
    return false;
  }
  std::vector<Value> values;
  for (const Item& item : *items) {
    auto value = item.null ? std::optional<Value>(Value()) : element_of(item.text, element.kind);
    if (!value || (item.null && !element.nullable)) {
      problem = fmt::format("element {} of the array is {}, not {}", values.size() + 1, item.null ? "null" : fmt::format("`{}`", item.text), to_string(element));
      return false;
    }
    values.push_back(std::move(*value));
  }
  out = Value(Array{std::make_shared<const std::vector<Value>>(std::move(values))});
  return true;
}

std::string encode_array(const Array& array) {
  std::string text = "{";
  if (array.items)
    for (const Value& item : *array.items) {
      if (text.size() > 1) text += ',';
      if (item.is_null()) {
        text += "NULL";
        continue;
      }
      text += '"';
      for (const char c : text_of(item)) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
      text += '"';
    }
  return text + "}";
}

}  // namespace bfl::connect::postgres
