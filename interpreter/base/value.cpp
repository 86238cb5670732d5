#include "interpreter/base/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "interpreter/base/digest.h"
#include "interpreter/base/json.h"

namespace bfl {

namespace {

// std::partial_ordering of doubles made total: NaN after everything, -0 equal to 0.
std::strong_ordering order_of(double a, double b) {
  const bool a_nan = std::isnan(a), b_nan = std::isnan(b);
  if (a_nan || b_nan) return a_nan <=> b_nan;
  return a < b ? std::strong_ordering::less : (a > b ? std::strong_ordering::greater : std::strong_ordering::equal);
}

std::strong_ordering order_of(const Decimal& a, const Decimal& b) { return a.compare(b) <=> 0; }
std::strong_ordering order_of(const Bytes& a, const Bytes& b) { return a.data.compare(b.data) <=> 0; }
std::strong_ordering order_of(const std::string& a, const std::string& b) { return a.compare(b) <=> 0; }
std::strong_ordering order_of(const Json& a, const Json& b) {
  if (a.text == b.text) return std::strong_ordering::equal;
  return canonical_json(std::string_view(a.text)).compare(canonical_json(std::string_view(b.text))) <=> 0;
}
std::strong_ordering order_of(const Array& a, const Array& b) {
  const std::size_t a_size = a.items ? a.items->size() : 0, b_size = b.items ? b.items->size() : 0;
  for (std::size_t i = 0; i < std::min(a_size, b_size); ++i)
    if (const auto o = order((*a.items)[i], (*b.items)[i]); o != 0) return o;
  return a_size <=> b_size;
}
std::strong_ordering order_of(std::monostate, std::monostate) { return std::strong_ordering::equal; }
template <class T>
std::strong_ordering order_of(const T& a, const T& b) {
  return a <=> b;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// In the largest unit that says it exactly.
std::string duration_text(std::int64_t micros) {
  struct Unit {
    std::int64_t size;
    const char* name;
  };
  constexpr std::array<Unit, 6> units = {
      {{micros_per_day, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}, {1'000, "ms"}, {1, "us"}}};
  if (micros == 0) return "0s";
  for (const Unit& unit : units)
    if (micros % unit.size == 0) return std::to_string(micros / unit.size) + unit.name;
  return {};
}

std::string text_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          std::array<char, 8> buffer{};
          std::snprintf(buffer.data(), buffer.size(), "\\u{%x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
          out += buffer.data();
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string_view bytes_of(const Uuid& uuid) { return {reinterpret_cast<const char*>(uuid.data.data()), uuid.data.size()}; }

template <class Item>
std::string list(const Array& array, Item item) {
  std::string out = "[";
  if (array.items)
    for (std::size_t i = 0; i < array.items->size(); ++i) {
      if (i != 0) out += ", ";
      out += item((*array.items)[i]);
    }
  return out + "]";
}

std::string canonical_field(char tag, std::string_view content) {
  return std::string(1, tag) + std::to_string(content.size()) + ":" + std::string(content);
}

}  // namespace

bool equal(const Value& a, const Value& b) {
  if (a.data.index() != b.data.index()) return false;
  if (const auto* text = std::get_if<std::string>(&a.data)) return *text == b.as<std::string>();
  return order(a, b) == 0;
}

std::strong_ordering order(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() <=> b.is_null();
  if (a.data.index() != b.data.index()) return a.data.index() <=> b.data.index();
  return std::visit(
      [&](const auto& x) -> std::strong_ordering {
        using T = std::decay_t<decltype(x)>;
        return order_of(x, b.as<T>());
      },
      a.data);
}

std::string to_display(const Value& value) {
  switch (value.kind()) {
    case Kind::null: return "null";
    case Kind::boolean: return value.as<bool>() ? "true" : "false";
    case Kind::integer: return std::to_string(value.as<std::int64_t>());
    case Kind::decimal: return value.as<Decimal>().to_string();
    case Kind::floating: return float_text(value.as<double>());
    case Kind::text: return value.as<std::string>();
    case Kind::bytes: return hex(value.as<Bytes>().data);
    case Kind::date: return format_date(value.as<Date>());
    case Kind::timestamp: return format_timestamp(value.as<Timestamp>());
    case Kind::duration: return duration_text(value.as<Duration>().micros);
    case Kind::uuid: return format_uuid(value.as<Uuid>());
    case Kind::json: return value.as<Json>().text;
    case Kind::array: return list(value.as<Array>(), to_display);
  }
  return {};
}

std::string to_literal(const Value& value) {
  switch (value.kind()) {
    case Kind::decimal: return value.as<Decimal>().to_string(1);
    case Kind::floating: return "to_float(\"" + to_display(value) + "\")";
    case Kind::text: return text_literal(value.as<std::string>());
    case Kind::bytes: return "unhex(\"" + to_display(value) + "\")";
    case Kind::uuid: return "to_uuid(\"" + to_display(value) + "\")";
    case Kind::json: return "json_parse(" + text_literal(value.as<Json>().text) + ")";
    case Kind::array: return list(value.as<Array>(), to_literal);
    default: return to_display(value);
  }
}

std::string to_canonical(const Value& value) {
  switch (value.kind()) {
    case Kind::null: return "n";
    case Kind::boolean: return value.as<bool>() ? "b1" : "b0";
    case Kind::integer: return canonical_field('i', to_display(value));
    case Kind::decimal: return canonical_field('d', to_display(value));
    case Kind::floating: return canonical_field('f', to_display(value));
    case Kind::text: return canonical_field('t', value.as<std::string>());
    case Kind::bytes: return canonical_field('x', value.as<Bytes>().data);
    case Kind::date: return canonical_field('D', std::to_string(value.as<Date>().days));
    case Kind::timestamp: return canonical_field('T', std::to_string(value.as<Timestamp>().micros));
    case Kind::duration: return canonical_field('P', std::to_string(value.as<Duration>().micros));
    case Kind::uuid: return canonical_field('u', bytes_of(value.as<Uuid>()));
    case Kind::json: return canonical_field('j', value.as<Json>().text);
    case Kind::array: break;
  }
  std::string items;
  std::size_t count = 0;
  if (const Array& array = value.as<Array>(); array.items)
    for (const Value& item : *array.items) {
      items += to_canonical(item);
      ++count;
    }
  return "a" + std::to_string(count) + canonical_field('[', items);
}

bool valid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    std::size_t length = 0;
    unsigned char low = 0x80, high = 0xbf;  // of the second byte
    if (lead >= 0xc2 && lead <= 0xdf) length = 2;
    else if (lead >= 0xe0 && lead <= 0xef) length = 3;
    else if (lead >= 0xf0 && lead <= 0xf4) length = 4;
    else return false;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    if (text.size() - i < length) return false;
    const auto second = static_cast<unsigned char>(text[i + 1]);
    if (second < low || second > high) return false;
    for (std::size_t k = 2; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

}  // namespace bfl
