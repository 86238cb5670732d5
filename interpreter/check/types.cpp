#include "interpreter/check/types.h"

#include <fmt/format.h>

#include <charconv>

#include "interpreter/base/json.h"

namespace bfl::check {

namespace {

// The elements that arrays may have which are documents without being asked.
bool has_json_form(Kind kind) {
  return kind == Kind::null || kind == Kind::text || kind == Kind::integer || kind == Kind::decimal || kind == Kind::boolean || kind == Kind::json;
}

}  // namespace

std::optional<int> distance(const Type& from, const Type& to) {
  if (from.kind == Kind::null) return 0;
  if (from.kind == to.kind) {
    if (from.kind != Kind::array) return 0;
    if (!from.element || !to.element || from.element->kind == Kind::null) return 0;
    if (from.element->nullable && !to.element->nullable) return std::nullopt;
    return distance(*from.element, *to.element);
  }
  if (from.kind == Kind::integer && to.kind == Kind::decimal) return 1;
  if (from.kind == Kind::integer && to.kind == Kind::floating) return 3;
  if (from.kind == Kind::decimal && to.kind == Kind::floating) return 2;
  if (from.kind == Kind::date && to.kind == Kind::timestamp) return 1;
  if (from.kind == Kind::array && to.kind == Kind::json && from.element && has_json_form(from.element->kind)) return 4;
  return std::nullopt;
}

std::optional<Type> common_type(const Type& a, const Type& b) {
  const bool nullable = a.nullable || b.nullable;
  if (a.kind == Kind::array && b.kind == Kind::array && a.element && b.element) {
    auto element = common_type(*a.element, *b.element);
    if (!element) return std::nullopt;
    return array_of(*element).with_null(nullable);
  }
  if (distance(a, b)) return b.with_null(nullable);
  if (distance(b, a)) return a.with_null(nullable);
  return std::nullopt;
}

Value widened(const Value& value, const Type& to) {
  if (value.is_null()) return value;
  if (value.kind() == Kind::array && to.kind == Kind::array && to.element) {
    const auto& array = value.as<Array>();
    std::vector<Value> items;
    if (array.items)
      for (const Value& item : *array.items) items.push_back(widened(item, *to.element));
    return Array{std::make_shared<const std::vector<Value>>(std::move(items))};
  }
  if (value.kind() == to.kind) return value;
  if (value.kind() == Kind::integer && to.kind == Kind::decimal) return Decimal(value.as<std::int64_t>());
  if (value.kind() == Kind::integer && to.kind == Kind::floating) return static_cast<double>(value.as<std::int64_t>());
  if (value.kind() == Kind::decimal && to.kind == Kind::floating) return value.as<Decimal>().to_double();
  if (value.kind() == Kind::date && to.kind == Kind::timestamp) return Timestamp{value.as<Date>().days * micros_per_day};
  return value;
}

bool is_ordered(Kind kind) { return kind != Kind::boolean && kind != Kind::json && kind != Kind::array; }

std::string with_article(const Type& type) {
  if (type.kind == Kind::null) return "null";
  const std::string name = to_string(type.with_null(false));
  const bool vowel = type.kind == Kind::array || name[0] == 'i';
  return fmt::format("{} {}{}", vowel ? "an" : "a", type.kind == Kind::array ? "array " + name : name, type.nullable ? " that may be null" : "");
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string digits;
  for (char c : text)
    if (c != '_') digits += c;
  const char* begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(begin, digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return value;
}

std::optional<Duration> parse_duration(std::string_view text) {
  struct Unit { std::string_view name; std::int64_t micros; };
  static constexpr Unit units[] = {{"ms", 1000}, {"us", 1}, {"d", micros_per_day}, {"h", 3'600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto length = std::min(text.find_first_not_of("0123456789_"), text.size());
    const auto number = parse_integer(text.substr(0, length));
    if (!number || length == text.size()) return std::nullopt;
    text.remove_prefix(length);
    const Unit* unit = nullptr;
    for (const Unit& candidate : units)
      if (!unit && text.starts_with(candidate.name)) unit = &candidate;
    std::int64_t micros = 0;
    if (!unit || __builtin_mul_overflow(*number, unit->micros, &micros) || __builtin_add_overflow(total, micros, &total)) return std::nullopt;
    text.remove_prefix(unit->name.size());
  }
  return Duration{negative ? -total : total};
}

namespace {

Parsed not_a(std::string_view text, const Type& type, std::string_view example) {
  return {{}, fmt::format("`{}` is not {}, expected a value like `{}`", text, with_article(type.with_null(false)), example)};
}

template <class T>
Parsed parsed_or(const std::optional<T>& value, std::string_view text, const Type& type, std::string_view example) {
  if (!value) return not_a(text, type, example);
  return {Value(*value), {}};
}

}  // namespace

Parsed parse_value(std::string_view text, const Type& type) {
  if (type.nullable && type.kind != Kind::text && text == "null") return {Value(), {}};
  switch (type.kind) {
    case Kind::boolean:
      if (text == "true" || text == "false") return {Value(text == "true"), {}};
      return not_a(text, type, "true");
    case Kind::integer: return parsed_or(parse_integer(text), text, type, "42");
    case Kind::decimal: {
      std::string digits;
      for (char c : text)
        if (c != '_') digits += c;
      return parsed_or(Decimal::parse(digits), text, type, "12.50");
    }
    case Kind::floating: {
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size() || text.empty()) return not_a(text, type, "0.5");
      return {Value(value), {}};
    }
    case Kind::text:
      if (!valid_utf8(text)) return {{}, "the value is not valid UTF-8"};
      return {Value(std::string(text)), {}};
    case Kind::date: return parsed_or(parse_date(text), text, type, "2025-03-01");
    case Kind::timestamp: {
      if (auto day = parse_date(text)) return {widened(Value(*day), type), {}};
      return parsed_or(parse_timestamp(text), text, type, "2025-03-01T10:00:00Z");
    }
    case Kind::duration: return parsed_or(parse_duration(text), text, type, "2h");
    case Kind::uuid: return parsed_or(parse_uuid(text), text, type, "58dc0f06-936c-43b3-93bb-71693f1b6570");
    case Kind::json: {
      auto read = read_json(text);
      if (const auto* wrong = std::get_if<JsonError>(&read)) return {{}, fmt::format("`{}` is no JSON: {}", text, wrong->message)};
      return {Value(Json{std::string(text)}), {}};
    }
    case Kind::array: {
      std::vector<Value> items;
      std::string_view rest = text;
      if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
      while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        std::string_view item = rest.substr(0, comma);
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        Parsed parsed = parse_value(item, *type.element);
        if (!parsed.error.empty()) return parsed;
        items.push_back(std::move(parsed.value));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
      return {Value(Array{std::make_shared<const std::vector<Value>>(std::move(items))}), {}};
    }
    case Kind::null:
    case Kind::bytes: break;
  }
  return {{}, fmt::format("a value of type {} cannot be given on the command line", to_string(type))};
}

}  // namespace bfl::check
