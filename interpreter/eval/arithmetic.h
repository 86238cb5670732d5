// Arithmetic on 64 bits that says what it could not do: one wording for the compiled operators and for the table.
#pragma once
#include <cstdint>
#include <string>

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

}  // namespace bfl::eval
