// Arithmetic on ints and floats that says what it could not do: one wording for the compiled operators and for the table.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>

#include "interpreter/eval/natives.h"

namespace bfl::eval {

// Each gives true when the result does not fit, as the compiler's own functions do.
struct AddInt {
  static constexpr char symbol = '+';
  static bool overflows(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_add_overflow(a, b, &out); }
};
struct SubtractInt {
  static constexpr char symbol = '-';
  static bool overflows(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_sub_overflow(a, b, &out); }
};
struct MultiplyInt {
  static constexpr char symbol = '*';
  static bool overflows(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_mul_overflow(a, b, &out); }
};

template <class Op>
std::string int_overflow(std::int64_t a, std::int64_t b) {
  return "`" + std::to_string(a) + " " + Op::symbol + " " + std::to_string(b) + "` does not fit an int";
}

// A float that was finite stays so, or the row is named: an infinity in a column is never made by bfl.
inline Outcome float_outcome(double result, double a, double b = 0) {
  if (!std::isfinite(result) && std::isfinite(a) && std::isfinite(b)) return Failure{"the result is beyond the range of a float"};
  return Value(result);
}

}  // namespace bfl::eval
