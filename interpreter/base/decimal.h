// Exact decimal numbers: an integer coefficient and a scale, value = coefficient / 10^scale.
//
// Coefficients that fit 64 bits are kept in place, larger ones in a shared Boost.Multiprecision cpp_int, so that money
// costs no allocation and nothing ever overflows silently. Values are kept normalised (no trailing zero behind the point:
// 1.50 and 1.5 are one value and print as 1.5; a column's declared scale is put back when it is stored).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bfl {

enum class Rounding : std::uint8_t { half_up /* away from zero */, half_even, down /* to zero */, up /* from zero */, floor, ceiling };

class Decimal {
 public:
  static constexpr int max_digits = 1000;       // of the coefficient
  static constexpr int division_scale = 20;     // fractional digits of a quotient, rounded half to even

  Decimal() = default;
  Decimal(std::int64_t value) : small_(value) {}  // NOLINT: an integer is a decimal
  static std::optional<Decimal> parse(std::string_view text);  // [+-]digits[.digits][e[+-]digits]; nothing else
  static std::optional<Decimal> from_double(double value);     // the shortest decimal that reads back as `value`; none for nan, inf

  // All give nothing when the result needs more than max_digits; divide and remainder also when the divisor is zero.
  friend std::optional<Decimal> add(const Decimal& a, const Decimal& b);
  friend std::optional<Decimal> subtract(const Decimal& a, const Decimal& b);
  friend std::optional<Decimal> multiply(const Decimal& a, const Decimal& b);
  friend std::optional<Decimal> divide(const Decimal& a, const Decimal& b);
  friend std::optional<Decimal> remainder(const Decimal& a, const Decimal& b);  // sign of the dividend
  Decimal negated() const;
  // Digits behind the point; negative rounds before it. Rounding 999… up may give one digit more than max_digits, which the
  // next operation refuses.
  Decimal rounded(int digits, Rounding mode) const;
  int sign() const;
  int compare(const Decimal& other) const;  // <0, 0, >0
  friend bool operator==(const Decimal& a, const Decimal& b) { return a.compare(b) == 0; }
  int scale() const { return scale_; }      // digits behind the point of the normalised value, never negative
  bool is_integer() const { return scale_ == 0; }
  std::optional<std::int64_t> to_int64() const;  // only when integral and in range
  double to_double() const;                      // nearest
  std::string to_string(int min_scale = 0) const;  // plain digits, never an exponent

 private:
  struct Big;
  std::int64_t small_ = 0;
  std::shared_ptr<const Big> big_{};  // set when the coefficient does not fit small_
  std::int32_t scale_ = 0;
  friend struct DecimalParts;  // decimal.cpp: the arithmetic on coefficients
};

}  // namespace bfl
