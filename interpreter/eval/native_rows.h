// How the natives_*.cpp files hand their functions to the table, and the few things that they all say the same way.
#pragma once
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "interpreter/eval/natives.h"

namespace bfl::eval {

struct NativeRow {
  std::string_view signature;
  NativeFunction function;
};

std::span<const NativeRow> operator_rows();
std::span<const NativeRow> conversion_rows();
std::span<const NativeRow> comparison_rows();
std::span<const NativeRow> text_rows();
std::span<const NativeRow> unicode_rows();
std::span<const NativeRow> encoding_rows();
std::span<const NativeRow> markup_rows();
std::span<const NativeRow> pattern_rows();
std::span<const NativeRow> time_rows();
std::span<const NativeRow> zone_rows();
std::span<const NativeRow> json_rows();
std::span<const NativeRow> math_rows();
std::span<const NativeRow> array_rows();

using Args = std::span<const Value>;

// The longest text or array that a function makes: a hostile repeat() fails instead of taking all memory.
inline constexpr std::size_t max_text_bytes = std::size_t{64} << 20;
inline constexpr std::size_t max_items = 1'000'000;

inline std::int64_t int_at(Args args, std::size_t i) { return args[i].as<std::int64_t>(); }
inline const std::string& text_at(Args args, std::size_t i) { return args[i].as<std::string>(); }
inline const Decimal& decimal_at(Args args, std::size_t i) { return args[i].as<Decimal>(); }
inline double float_at(Args args, std::size_t i) { return args[i].as<double>(); }

inline Outcome failure(std::string message) { return Failure{std::move(message)}; }
inline Outcome text_too_long() { return Failure{"the text would be longer than 64 MiB"}; }
inline Outcome text_outcome(std::string text) {
  if (text.size() > max_text_bytes) return text_too_long();
  return Value(std::move(text));
}
inline Outcome array_outcome(std::vector<Value> items) {
  return Value(Array{std::make_shared<const std::vector<Value>>(std::move(items))});
}
inline Outcome decimal_outcome(std::optional<Decimal> result) {
  if (!result) return Failure{"the result has more than 1000 digits"};
  return Value(std::move(*result));
}

// A text in a message: quoted, and cut when it is long.
std::string shown(std::string_view text);

template <class T>
Outcome or_null(std::optional<T> value) {
  if (!value) return Value();
  return Value(std::move(*value));
}

}  // namespace bfl::eval
