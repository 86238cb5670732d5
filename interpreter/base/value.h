// One value of the language at run time, and what the language says about comparing and printing it.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "interpreter/base/decimal.h"
#include "interpreter/base/type.h"

namespace bfl {

struct Bytes { std::string data; friend bool operator==(const Bytes&, const Bytes&) = default; };
struct Date { std::int32_t days = 0; friend auto operator<=>(const Date&, const Date&) = default; };             // since 1970-01-01
struct Timestamp { std::int64_t micros = 0; friend auto operator<=>(const Timestamp&, const Timestamp&) = default; };  // since 1970-01-01T00:00:00Z
struct Duration { std::int64_t micros = 0; friend auto operator<=>(const Duration&, const Duration&) = default; };
struct Uuid { std::array<std::uint8_t, 16> data{}; friend auto operator<=>(const Uuid&, const Uuid&) = default; };
// A JSON document as text, in the order in which it was written; equality ignores the order of keys, white space and the
// spelling of numbers and escapes (see canonical_json in base/json.h).
struct Json { std::string text; };
struct Value;
struct Array { std::shared_ptr<const std::vector<Value>> items; };

struct Value {
  std::variant<std::monostate, bool, std::int64_t, Decimal, double, std::string, Bytes, Date, Timestamp, Duration, Uuid, Json, Array> data;

  Value() = default;
  template <class T> Value(T v) : data(std::move(v)) {}  // NOLINT: a T is a Value
  bool is_null() const { return data.index() == 0; }
  template <class T> const T& as() const { return std::get<T>(data); }
  Kind kind() const { return static_cast<Kind>(data.index()); }  // Kind lists the alternatives in this order
};

// Edges of the calendar: years 1 to 9999.
inline constexpr std::int32_t min_date_days = -719162, max_date_days = 2932896;
inline constexpr std::int64_t micros_per_day = 86'400'000'000;
inline constexpr std::int64_t min_timestamp_micros = std::int64_t{min_date_days} * micros_per_day;
inline constexpr std::int64_t max_timestamp_micros = (std::int64_t{max_date_days} + 1) * micros_per_day - 1;

// Equality of the language: null equals null and nothing else; numbers of one kind by value; NaN equals NaN.
bool equal(const Value& a, const Value& b);
// Order of the language: of two values of one kind; nulls last; text by code point; NaN after all other numbers; -0 equals 0.
std::strong_ordering order(const Value& a, const Value& b);

std::string to_display(const Value& value);  // for people: text bare, null as `null`
std::string to_literal(const Value& value);  // as a script would write it
std::string to_canonical(const Value& value);  // kind tag and exact content: for digests

// ISO 8601. Dates YYYY-MM-DD; timestamps YYYY-MM-DD[T ]HH:MM[:SS[.f{1,6}]][Z|±HH[:]MM] (no zone: UTC).
std::optional<Date> parse_date(std::string_view text);
std::optional<Timestamp> parse_timestamp(std::string_view text);
std::optional<Uuid> parse_uuid(std::string_view text);
std::string format_date(Date date);
std::string format_timestamp(Timestamp timestamp, char separator = 'T', std::string_view suffix = "Z");  // fraction only when not zero
std::string format_uuid(const Uuid& uuid);
bool valid_utf8(std::string_view text);  // no surrogates, no overlong forms, no NUL check

}  // namespace bfl
