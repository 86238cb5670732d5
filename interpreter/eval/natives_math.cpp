// stdlib/math.bfl.
#include <algorithm>
#include <limits>

#include "interpreter/eval/arithmetic.h"
#include "interpreter/eval/native_rows.h"

namespace bfl::eval {

namespace {

constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

Outcome division_by_zero() { return Failure{"division by zero"}; }

Outcome rounded(const Decimal& x, std::int64_t digits, Rounding mode) {
  const auto places = static_cast<int>(std::clamp<std::int64_t>(digits, -Decimal::max_digits - 1, Decimal::max_digits));
  return decimal_outcome(add(x.rounded(places, mode), Decimal()));  // refused if rounding up made it too long
}

template <Rounding mode>
Outcome rounded_whole(Args args) {
  return rounded(decimal_at(args, 0), 0, mode);
}

template <Rounding mode>
Outcome rounded_to(Args args) {
  return rounded(decimal_at(args, 0), int_at(args, 1), mode);
}

Outcome whole_quotient(Args args) {
  const std::int64_t a = int_at(args, 0), b = int_at(args, 1);
  if (b == 0) return division_by_zero();
  if (a == smallest && b == -1) return Failure{"`div(" + std::to_string(a) + ", -1)` does not fit an int"};
  return Value(a / b);
}

Outcome whole_remainder(Args args) {
  const std::int64_t a = int_at(args, 0), b = int_at(args, 1);
  if (b == 0) return division_by_zero();
  return Value(b == -1 ? std::int64_t{0} : a % b);
}

Outcome int_power(Args args) {
  std::int64_t base = int_at(args, 0), exponent = int_at(args, 1), result = 1;
  if (exponent < 0) return Failure{"a whole number has no power with the negative exponent " + std::to_string(exponent)};
  const auto too_large = [&] { return Failure{"`power(" + to_display(args[0]) + ", " + to_display(args[1]) + ")` does not fit an int"}; };
  while (exponent > 0) {
    if (exponent % 2 != 0 && __builtin_mul_overflow(result, base, &result)) return too_large();
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return too_large();
  }
  return Value(result);
}

Outcome decimal_power(Args args) {
  const std::int64_t exponent = int_at(args, 1);
  Decimal base = decimal_at(args, 0), result(1);
  if (exponent < 0 && base.sign() == 0) return division_by_zero();
  if (exponent == smallest) return decimal_outcome(std::nullopt);
  for (std::int64_t left = exponent < 0 ? -exponent : exponent; left > 0;) {
    if (left % 2 != 0) {
      auto product = multiply(result, base);
      if (!product) return decimal_outcome(std::nullopt);
      result = std::move(*product);
    }
    left /= 2;
    if (left == 0) break;
    auto square = multiply(base, base);
    if (!square) return decimal_outcome(std::nullopt);
    base = std::move(*square);
  }
  return exponent < 0 ? decimal_outcome(divide(Decimal(1), result)) : Outcome(Value(std::move(result)));
}

template <double (*of)(double)>
Outcome logarithm(Args args) {
  if (float_at(args, 0) <= 0) return Failure{"the number " + to_display(args[0]) + ", which is not above 0, has no logarithm"};
  return Value(of(float_at(args, 0)));
}

Outcome float_power(Args args) {
  const double base = float_at(args, 0), exponent = float_at(args, 1);
  if (base == 0 && exponent < 0) return division_by_zero();
  if (base < 0 && std::isfinite(exponent) && exponent != std::trunc(exponent))
    return Failure{"the negative number " + to_display(args[0]) + " has no power with the exponent " + to_display(args[1]) + ", which is not whole"};
  return float_outcome(std::pow(base, exponent), base, exponent);
}

Outcome clamped(Args args) {
  if (order(args[1], args[2]) > 0)
    return Failure{"the lower bound " + to_display(args[1]) + " is above the upper bound " + to_display(args[2])};
  if (order(args[0], args[1]) < 0) return args[1];
  return order(args[0], args[2]) > 0 ? args[2] : args[0];
}

Outcome absolute_int(Args args) {
  const std::int64_t x = int_at(args, 0);
  if (x == smallest) return Failure{"`abs(" + std::to_string(x) + ")` does not fit an int"};
  return Value(x < 0 ? -x : x);
}

bool bad_places(std::int64_t places) { return places < 0 || places > 63; }
Outcome bad_places_failure(std::int64_t places) { return Failure{"bits move by 0 to 63 places, not by " + std::to_string(places)}; }

Outcome shifted_left(Args args) {
  const std::int64_t a = int_at(args, 0), places = int_at(args, 1);
  if (bad_places(places)) return bad_places_failure(places);
  const auto moved = static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << places);
  if ((moved >> places) != a) return Failure{"`shift_left(" + std::to_string(a) + ", " + std::to_string(places) + ")` does not fit an int"};
  return Value(moved);
}

Outcome shifted_right(Args args) {
  if (bad_places(int_at(args, 1))) return bad_places_failure(int_at(args, 1));
  return Value(int_at(args, 0) >> int_at(args, 1));
}

constexpr NativeRow rows[] = {
    {"abs(int)", absolute_int},
    {"abs(decimal)", [](Args a) -> Outcome { return decimal_at(a, 0).sign() < 0 ? Value(decimal_at(a, 0).negated()) : a[0]; }},
    {"abs(float)", [](Args a) -> Outcome { return Value(std::fabs(float_at(a, 0))); }},
    {"sign(int)", [](Args a) -> Outcome { return Value(std::int64_t{(int_at(a, 0) > 0) - (int_at(a, 0) < 0)}); }},
    {"sign(decimal)", [](Args a) -> Outcome { return Value(std::int64_t{decimal_at(a, 0).sign()}); }},
    {"round(decimal)", rounded_whole<Rounding::half_up>},
    {"round(decimal,int)", rounded_to<Rounding::half_up>},
    {"round_half_even(decimal,int)", rounded_to<Rounding::half_even>},
    {"round_up(decimal,int)", rounded_to<Rounding::up>},
    {"floor(decimal,int)", rounded_to<Rounding::floor>},
    {"ceil(decimal,int)", rounded_to<Rounding::ceiling>},
    {"floor(decimal)", rounded_whole<Rounding::floor>},
    {"floor(float)", [](Args a) -> Outcome { return Value(std::floor(float_at(a, 0))); }},
    {"ceil(decimal)", rounded_whole<Rounding::ceiling>},
    {"ceil(float)", [](Args a) -> Outcome { return Value(std::ceil(float_at(a, 0))); }},
    {"trunc(decimal)", rounded_whole<Rounding::down>},
    {"trunc(decimal,int)", rounded_to<Rounding::down>},
    {"trunc(float)", [](Args a) -> Outcome { return Value(std::trunc(float_at(a, 0))); }},
    {"div(int,int)", whole_quotient},
    {"mod(int,int)", whole_remainder},
    {"mod(decimal,decimal)",
     [](Args a) -> Outcome {
       if (decimal_at(a, 1).sign() == 0) return division_by_zero();
       return decimal_outcome(remainder(decimal_at(a, 0), decimal_at(a, 1)));
     }},
    {"power(int,int)", int_power},
    {"power(decimal,int)", decimal_power},
    {"sqrt(float)",
     [](Args a) -> Outcome {
       if (float_at(a, 0) < 0) return Failure{"the negative number " + to_display(a[0]) + " has no square root"};
       return Value(std::sqrt(float_at(a, 0)));
     }},
    {"power(float,float)", float_power},
    {"exp(float)", [](Args a) { return float_outcome(std::exp(float_at(a, 0)), float_at(a, 0)); }},
    {"ln(float)", logarithm<std::log>},
    {"log10(float)", logarithm<std::log10>},
    {"clamp(int,int,int)", clamped},
    {"clamp(decimal,decimal,decimal)", clamped},
    {"is_nan(float)", [](Args a) -> Outcome { return Value(bool(std::isnan(float_at(a, 0)))); }},
    {"is_finite(float)", [](Args a) -> Outcome { return Value(bool(std::isfinite(float_at(a, 0)))); }},
    {"bit_and(int,int)", [](Args a) -> Outcome { return Value(int_at(a, 0) & int_at(a, 1)); }},
    {"bit_or(int,int)", [](Args a) -> Outcome { return Value(int_at(a, 0) | int_at(a, 1)); }},
    {"bit_xor(int,int)", [](Args a) -> Outcome { return Value(int_at(a, 0) ^ int_at(a, 1)); }},
    {"bit_not(int)", [](Args a) -> Outcome { return Value(~int_at(a, 0)); }},
    {"shift_left(int,int)", shifted_left},
    {"shift_right(int,int)", shifted_right},
};

}  // namespace

std::span<const NativeRow> math_rows() { return rows; }

}  // namespace bfl::eval
