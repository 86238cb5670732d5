#include "interpreter/base/decimal.h"

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <charconv>
#include <cmath>
#include <limits>

// g++ 12 with sanitizers takes the unused half of cpp_int's union for an uninitialized value when a cpp_int is moved.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace bfl {

using boost::multiprecision::cpp_int;
__extension__ using Wide = __int128;

struct Decimal::Big {
  cpp_int value;
};

namespace {

constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr int wide_powers = 19;  // any int64 times 10^19 fits Wide

constexpr std::array<Wide, 39> make_powers() {
  std::array<Wide, 39> powers{};
  Wide power = 1;
  for (std::size_t i = 0; i < powers.size(); ++i) {
    powers[i] = power;
    if (i + 1 < powers.size()) power *= 10;
  }
  return powers;
}
constexpr std::array<Wide, 39> powers_of_ten = make_powers();

Wide wide_power(int exponent) { return powers_of_ten[static_cast<std::size_t>(exponent)]; }

cpp_int big_power(int exponent) { return boost::multiprecision::pow(cpp_int(10), static_cast<unsigned>(exponent)); }

const cpp_int& limit() {  // the first coefficient that has too many digits
  static const cpp_int value = big_power(Decimal::max_digits);
  return value;
}

// How a quotient that was cut towards zero is put right: -1, 0 or 1 to add. `half` compares twice the remainder with the divisor.
int adjustment(Rounding mode, bool negative, bool inexact, int half, bool odd) {
  if (!inexact) return 0;
  bool away = false;
  switch (mode) {
    case Rounding::half_up: away = half >= 0; break;
    case Rounding::half_even: away = half > 0 || (half == 0 && odd); break;
    case Rounding::down: away = false; break;
    case Rounding::up: away = true; break;
    case Rounding::floor: away = negative; break;
    case Rounding::ceiling: away = !negative; break;
  }
  return away ? (negative ? -1 : 1) : 0;
}

cpp_int divide_rounded(const cpp_int& dividend, const cpp_int& divisor, Rounding mode) {
  cpp_int quotient, rest;
  boost::multiprecision::divide_qr(dividend, divisor, quotient, rest);
  const bool negative = (dividend < 0) != (divisor < 0);
  const cpp_int twice = abs(rest) * 2;
  const cpp_int size = abs(divisor);
  return quotient + adjustment(mode, negative, rest != 0, twice.compare(size), (quotient & 1) != 0);
}

Wide divide_rounded(Wide dividend, Wide divisor, Rounding mode) {  // |divisor| below 2^126
  const Wide quotient = dividend / divisor, rest = dividend % divisor;
  const bool negative = (dividend < 0) != (divisor < 0);
  const Wide twice = (rest < 0 ? -rest : rest) * 2, size = divisor < 0 ? -divisor : divisor;
  const int half = twice < size ? -1 : (twice > size ? 1 : 0);
  return quotient + adjustment(mode, negative, rest != 0, half, quotient % 2 != 0);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

struct DecimalParts {
  static cpp_int coefficient(const Decimal& d) { return d.big_ ? d.big_->value : cpp_int(d.small_); }

  static Decimal small(std::int64_t coefficient, int scale) {
    while (scale > 0 && coefficient % 10 == 0) {
      coefficient /= 10;
      --scale;
      if (coefficient == 0) scale = 0;
    }
    Decimal d(coefficient);
    d.scale_ = scale;
    return d;
  }

  static Decimal unlimited(cpp_int coefficient, int scale) {
    while (scale > 0) {
      if (boost::multiprecision::integer_modulus(coefficient, 10U) != 0) break;
      coefficient /= 10;
      --scale;
      if (coefficient == 0) scale = 0;
    }
    if (coefficient >= smallest && coefficient <= largest) return small(static_cast<std::int64_t>(coefficient), scale);
    Decimal d;
    d.big_ = std::make_shared<const Decimal::Big>(Decimal::Big{std::move(coefficient)});
    d.scale_ = scale;
    return d;
  }

  static std::optional<Decimal> make(cpp_int coefficient, int scale) {
    Decimal d = unlimited(std::move(coefficient), scale);
    if (d.scale_ > Decimal::max_digits) return std::nullopt;
    if (d.big_ && abs(d.big_->value) >= limit()) return std::nullopt;
    return d;
  }

  static std::optional<Decimal> make(Wide coefficient, int scale) {
    while (scale > 0 && coefficient % 10 == 0) {
      coefficient /= 10;
      --scale;
      if (coefficient == 0) scale = 0;
    }
    if (coefficient < smallest || coefficient > largest) return make(cpp_int(coefficient), scale);
    if (scale > Decimal::max_digits) return std::nullopt;
    Decimal d(static_cast<std::int64_t>(coefficient));
    d.scale_ = scale;
    return d;
  }

  // Both coefficients at the larger of the two scales, when that fits without allocation.
  static bool aligned(const Decimal& a, const Decimal& b, Wide& x, Wide& y) {
    if (a.big_ || b.big_) return false;
    const int difference = a.scale_ - b.scale_;
    if (difference > wide_powers || difference < -wide_powers) return false;
    x = difference < 0 ? Wide{a.small_} * wide_power(-difference) : Wide{a.small_};
    y = difference > 0 ? Wide{b.small_} * wide_power(difference) : Wide{b.small_};
    return true;
  }

  static void align(const Decimal& a, const Decimal& b, cpp_int& x, cpp_int& y) {
    x = coefficient(a);
    y = coefficient(b);
    if (a.scale_ < b.scale_) x *= big_power(b.scale_ - a.scale_);
    if (b.scale_ < a.scale_) y *= big_power(a.scale_ - b.scale_);
  }

  static std::optional<Decimal> sum(const Decimal& a, const Decimal& b, int sign) {
    if (!a.big_ && !b.big_ && a.scale_ == b.scale_) {
      std::int64_t result = 0;
      const bool over =
          sign > 0 ? __builtin_add_overflow(a.small_, b.small_, &result) : __builtin_sub_overflow(a.small_, b.small_, &result);
      if (!over) return small(result, a.scale_);
    }
    const int scale = std::max(a.scale_, b.scale_);
    Wide x = 0, y = 0;
    if (aligned(a, b, x, y)) return make(sign > 0 ? x + y : x - y, scale);
    cpp_int p, q;
    align(a, b, p, q);
    return make(sign > 0 ? cpp_int(p + q) : cpp_int(p - q), scale);
  }
};

std::optional<Decimal> Decimal::parse(std::string_view text) {
  bool negative = false;
  std::size_t at = 0;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) negative = text[at++] == '-';
  const std::size_t whole = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == whole) return std::nullopt;
  std::string digits(text.substr(whole, at - whole));
  std::int64_t scale = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == fraction) return std::nullopt;
    digits += text.substr(fraction, at - fraction);
    scale = static_cast<std::int64_t>(at - fraction);
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    bool down = false;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) down = text[at++] == '-';
    const std::size_t first = at;
    std::int64_t exponent = 0;
    for (; at < text.size() && is_digit(text[at]); ++at)
      exponent = std::min<std::int64_t>(exponent * 10 + (text[at] - '0'), 1'000'000'000'000);
    if (at == first) return std::nullopt;
    scale += down ? exponent : -exponent;
  }
  if (at != text.size()) return std::nullopt;

  // Only digits that count are converted: the cost is bounded however long the text is.
  const std::size_t leading = digits.find_first_not_of('0');
  if (leading == std::string::npos) return Decimal();
  const std::size_t last = digits.find_last_not_of('0');
  scale -= static_cast<std::int64_t>(digits.size() - 1 - last);
  digits = digits.substr(leading, last - leading + 1);
  const auto count = static_cast<std::int64_t>(digits.size());
  if (count > max_digits || scale > max_digits || count - scale > max_digits) return std::nullopt;
  const int zeros = scale < 0 ? static_cast<int>(-scale) : 0;
  const int kept = scale < 0 ? 0 : static_cast<int>(scale);
  if (count + zeros <= 18) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    value *= static_cast<std::int64_t>(wide_power(zeros));
    return DecimalParts::small(negative ? -value : value, kept);
  }
  cpp_int value(digits);
  if (zeros > 0) value *= big_power(zeros);
  if (negative) value = -value;
  return DecimalParts::make(std::move(value), kept);
}

std::optional<Decimal> Decimal::from_double(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return parse(std::string_view(buffer.data(), static_cast<std::size_t>(end - buffer.data())));
}

std::optional<Decimal> add(const Decimal& a, const Decimal& b) { return DecimalParts::sum(a, b, 1); }
std::optional<Decimal> subtract(const Decimal& a, const Decimal& b) { return DecimalParts::sum(a, b, -1); }

std::optional<Decimal> multiply(const Decimal& a, const Decimal& b) {
  const int scale = a.scale_ + b.scale_;
  if (!a.big_ && !b.big_) return DecimalParts::make(Wide{a.small_} * b.small_, scale);
  return DecimalParts::make(cpp_int(DecimalParts::coefficient(a) * DecimalParts::coefficient(b)), scale);
}

std::optional<Decimal> divide(const Decimal& a, const Decimal& b) {
  if (b.sign() == 0) return std::nullopt;
  const int shift = Decimal::division_scale + b.scale_ - a.scale_;
  if (!a.big_ && !b.big_ && shift >= 0 && shift <= 20) {
    const Wide dividend = a.small_;
    if (dividend < wide_power(18) && dividend > -wide_power(18))
      return DecimalParts::make(divide_rounded(dividend * wide_power(shift), Wide{b.small_}, Rounding::half_even), Decimal::division_scale);
  }
  cpp_int dividend = DecimalParts::coefficient(a), divisor = DecimalParts::coefficient(b);
  if (shift > 0) dividend *= big_power(shift);
  if (shift < 0) divisor *= big_power(-shift);
  return DecimalParts::make(divide_rounded(dividend, divisor, Rounding::half_even), Decimal::division_scale);
}

std::optional<Decimal> remainder(const Decimal& a, const Decimal& b) {
  if (b.sign() == 0) return std::nullopt;
  const int scale = std::max(a.scale_, b.scale_);
  Wide x = 0, y = 0;
  if (DecimalParts::aligned(a, b, x, y)) return DecimalParts::make(x % y, scale);
  cpp_int p, q;
  DecimalParts::align(a, b, p, q);
  return DecimalParts::make(cpp_int(p % q), scale);
}

Decimal Decimal::negated() const {
  if (!big_ && small_ != smallest) {
    Decimal d = *this;
    d.small_ = -small_;
    return d;
  }
  return DecimalParts::unlimited(-DecimalParts::coefficient(*this), scale_);
}

Decimal Decimal::rounded(int digits, Rounding mode) const {
  digits = std::max(digits, -max_digits - 1);
  if (digits >= scale_) return *this;
  const int drop = scale_ - digits;
  if (!big_ && drop <= 18 && digits >= 0)
    return DecimalParts::small(static_cast<std::int64_t>(divide_rounded(Wide{small_}, wide_power(drop), mode)), digits);
  cpp_int quotient = divide_rounded(DecimalParts::coefficient(*this), big_power(drop), mode);
  if (digits < 0) quotient *= big_power(-digits);
  return DecimalParts::unlimited(std::move(quotient), std::max(digits, 0));
}

int Decimal::sign() const {
  if (big_) return big_->value.sign();
  return small_ > 0 ? 1 : (small_ < 0 ? -1 : 0);
}

int Decimal::compare(const Decimal& other) const {
  if (!big_ && !other.big_ && scale_ == other.scale_) return small_ < other.small_ ? -1 : (small_ > other.small_ ? 1 : 0);
  if (const int mine = sign(), theirs = other.sign(); mine != theirs) return mine < theirs ? -1 : 1;
  Wide x = 0, y = 0;
  if (DecimalParts::aligned(*this, other, x, y)) return x < y ? -1 : (x > y ? 1 : 0);
  cpp_int p, q;
  DecimalParts::align(*this, other, p, q);
  const int order = p.compare(q);
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

std::optional<std::int64_t> Decimal::to_int64() const {
  if (scale_ != 0 || big_) return std::nullopt;
  return small_;
}

double Decimal::to_double() const {
  constexpr std::int64_t exact = std::int64_t{1} << 53;
  if (!big_ && scale_ == 0) return static_cast<double>(small_);
  if (!big_ && small_ > -exact && small_ < exact && scale_ <= 22)  // both sides exact, so the quotient is correctly rounded
    return static_cast<double>(small_) / static_cast<double>(wide_power(scale_));
  const std::string text = to_string();
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec == std::errc::result_out_of_range && compare(Decimal(1)) * sign() > 0 && rounded(0, Rounding::down).sign() != 0)
    return sign() < 0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  return value;
}

std::string Decimal::to_string(int min_scale) const {
  std::string digits;
  bool negative = sign() < 0;
  if (big_) {
    digits = cpp_int(abs(big_->value)).str();
  } else {
    digits = std::to_string(small_);
    if (negative) digits.erase(0, 1);
  }
  const auto scale = static_cast<std::size_t>(scale_);
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  const auto shown = static_cast<std::size_t>(std::max(min_scale, scale_));
  if (shown > 0) {
    digits.insert(digits.size() - scale, 1, '.');
    digits.append(shown - scale, '0');
  }
  if (negative) digits.insert(0, 1, '-');
  return digits;
}

}  // namespace bfl
