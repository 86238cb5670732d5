#include "interpreter/run/parking.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

namespace bfl::run {
namespace {

// The numbers in `numeric(6,2)`, `varchar(20)`; 0: there is none.
struct Declared { int first = 0, second = 0; };
Declared declared(const Column& column) {
  Declared found;
  const auto open = column.declared.find('(');
  if (open == std::string::npos) return found;
  int* into = &found.first;
  for (const char c : column.declared.substr(open + 1)) {
    if (c == ',') into = &found.second;
    else if (c >= '0' && c <= '9' && *into < Decimal::max_digits) *into = *into * 10 + (c - '0');
    else if (c != ' ') break;
  }
  return found;
}

// Above the largest, and where that is beyond the bounds below it.
std::optional<std::int64_t> beside(std::int64_t largest, std::int64_t n, std::int64_t lowest, std::int64_t highest) {
  std::int64_t found = 0;
  if (!__builtin_add_overflow(largest, n, &found) && found <= highest) return found;
  if (!__builtin_sub_overflow(largest, n, &found) && found >= lowest) return found;
  return std::nullopt;
}

std::optional<std::int64_t> whole_number(const Column& column, std::int64_t largest, std::int64_t n) {
  if (column.base == "int2") return beside(largest, n, std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max());
  if (column.base == "int4") return beside(largest, n, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
  return beside(largest, n, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
}

std::optional<Value> decimal_number(const Column& column, const Decimal& largest, std::int64_t n) {
  const auto [digits, scale] = declared(column);
  const auto limit = digits > 0 ? Decimal::parse("1" + std::string(static_cast<std::size_t>(std::max(digits - scale, 0)), '0')) : std::nullopt;
  for (const std::int64_t distance : {n, -n}) {
    auto number = add(largest, Decimal(distance));
    if (number && (!limit || (number->compare(*limit) < 0 && number->compare(limit->negated()) > 0))) return Value(std::move(*number));
  }
  return std::nullopt;
}

// Other characters at the end, of the same sort as the last one is.
std::optional<std::string> other_text(const Column& column, std::string text, std::int64_t n) {
  const char last = text.empty() ? 'a' : text.back();
  const bool digit = last >= '0' && last <= '9', upper = last >= 'A' && last <= 'Z';
  const char first = digit ? '0' : upper ? 'A' : 'a';
  const std::int64_t letters = digit ? 10 : 26;
  std::string end;
  for (std::int64_t left = n - 1; left >= 0; left = left / letters - 1) end.insert(end.begin(), static_cast<char>(first + left % letters));
  std::size_t gone = 0;
  for (; gone < end.size() && !text.empty(); ++gone) {
    while (text.size() > 1 && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
    text.pop_back();
  }
  if (gone < end.size() && gone > 0 && declared(column).first > 0) return std::nullopt;  // longer than any value in use
  return text + end;
}

// Bytes as one large number, of which the last digits change.
template <class Data>
void count_on(Data& data, std::int64_t n) {
  constexpr std::size_t changing = 6;  // in a uuid, none that says its version
  auto carry = static_cast<std::uint64_t>(n);
  for (std::size_t i = 0; i < std::min<std::size_t>(changing, data.size()) && carry > 0; ++i) {
    auto& byte = data[data.size() - 1 - i];
    carry += static_cast<std::uint8_t>(byte);
    byte = static_cast<std::remove_reference_t<decltype(byte)>>(carry & 0xFF);
    carry >>= 8;
  }
}

}  // namespace

bool can_park(const Column& column) {
  return column.base != "enum" && column.type.kind != Kind::boolean && column.type.kind != Kind::json && column.type.kind != Kind::array;
}

std::optional<Value> parking_value(const Column& column, const Value& largest, std::int64_t n) {
  if (!can_park(column)) return std::nullopt;
  switch (largest.kind()) {
    case Kind::integer: {
      const auto number = whole_number(column, largest.as<std::int64_t>(), n);
      return number ? std::optional<Value>(*number) : std::nullopt;
    }
    case Kind::decimal: return decimal_number(column, largest.as<Decimal>(), n);
    case Kind::floating: return std::isfinite(largest.as<double>()) ? Value(largest.as<double>() + static_cast<double>(n)) : Value(static_cast<double>(n));
    case Kind::text: {
      auto text = other_text(column, largest.as<std::string>(), n);
      return text ? std::optional<Value>(std::move(*text)) : std::nullopt;
    }
    case Kind::bytes: {
      Bytes bytes = largest.as<Bytes>();
      if (bytes.data.empty()) bytes.data.push_back('\0');
      count_on(bytes.data, n);
      return Value(std::move(bytes));
    }
    case Kind::date: {
      const auto days = beside(largest.as<Date>().days, n, min_date_days, max_date_days);
      return days ? std::optional<Value>(Date{static_cast<std::int32_t>(*days)}) : std::nullopt;
    }
    case Kind::timestamp: {
      const auto micros = beside(largest.as<Timestamp>().micros, n * 1'000'000, min_timestamp_micros, max_timestamp_micros);
      return micros ? std::optional<Value>(Timestamp{*micros}) : std::nullopt;
    }
    case Kind::duration: {
      const auto micros = beside(largest.as<Duration>().micros, n * 1'000'000, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
      return micros ? std::optional<Value>(Duration{*micros}) : std::nullopt;
    }
    case Kind::uuid: {
      Uuid uuid = largest.as<Uuid>();
      count_on(uuid.data, n);
      return Value(uuid);
    }
    default: return std::nullopt;
  }
}

}  // namespace bfl::run
