// What the language does with types: which kinds fit which without being asked, and what two kinds have in common.
//
// Only what loses nothing is implicit: int to decimal to float, date to timestamp, an array to JSON, null to anything, a type to
// its nullable form. Everything else is said by a function.
#pragma once
#include <optional>
#include <string>

#include "interpreter/base/value.h"

namespace bfl::check {

// How far `from` is from `to`: 0 for the same kind, more for each widening, nothing when it does not fit. Null is ignored.
std::optional<int> distance(const Type& from, const Type& to);
// The narrowest type that both fit, nullable when one of them is.
std::optional<Type> common_type(const Type& a, const Type& b);
// The value under another kind that it fits.
Value widened(const Value& value, const Type& to);

bool is_ordered(Kind kind);  // has `<`
std::string with_article(const Type& type);  // `an int`, `a text that may be null`

// A literal as it is written on a command line: bare, of this type. The error says what was expected.
struct Parsed { Value value; std::string error; };
Parsed parse_value(std::string_view text, const Type& type);
std::optional<Duration> parse_duration(std::string_view text);  // `250ms`, `2h`, `1h30m`
std::optional<std::int64_t> parse_integer(std::string_view text);  // underscores allowed

}  // namespace bfl::check
