// The types of the language: a kind, whether null is among the values, and for arrays the element.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bfl {

enum class Kind : std::uint8_t {
  null,       // the type of the literal `null` alone
  boolean,
  integer,    // 64 bits, signed
  decimal,    // exact, any number of digits up to Decimal::max_digits
  floating,   // IEEE 754 binary64
  text,       // UTF-8
  bytes,
  date,       // proleptic Gregorian, years 1 to 9999
  timestamp,  // an instant in UTC, microseconds
  duration,   // microseconds, signed
  uuid,
  json,
  array,
};

struct Type {
  Kind kind = Kind::null;
  bool nullable = false;
  std::shared_ptr<const Type> element{};  // arrays only

  Type with_null(bool may_be_null = true) const { Type t = *this; t.nullable = may_be_null; return t; }
};

bool same_kind(const Type& a, const Type& b);  // equal but for nullability
inline bool operator==(const Type& a, const Type& b) { return a.nullable == b.nullable && same_kind(a, b); }

Type array_of(Type element);
std::string_view kind_name(Kind kind);          // `int`, `decimal`, `float`, `bool`, `text`, ... as scripts write them
std::string to_string(const Type& type);        // `text?`, `[int]`
std::optional<Kind> kind_named(std::string_view name);
// The key of a function: its name and the kinds of its parameters, `pad_start(text,int)`, `concat_with([text],text)`.
std::string signature(std::string_view name, const std::vector<Type>& params);
inline bool is_number(Kind k) { return k == Kind::integer || k == Kind::decimal || k == Kind::floating; }

}  // namespace bfl
