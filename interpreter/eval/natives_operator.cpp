// The operators of the language, as check/ spells them: `+(int,int)`, `negate(decimal)`. Both sides are of one kind: mixed
// numbers have been widened before.
#include <array>

#include "interpreter/eval/arithmetic.h"
#include "interpreter/eval/native_rows.h"

namespace bfl::eval {

namespace {

Outcome division_by_zero() { return Failure{"division by zero"}; }

template <class Op>
Outcome int_operator(Args args) {
  std::int64_t out = 0;
  if (Op::overflows(int_at(args, 0), int_at(args, 1), out)) return Failure{int_overflow<Op>(int_at(args, 0), int_at(args, 1))};
  return Value(out);
}

Outcome divide_decimals(const Decimal& a, const Decimal& b) {
  if (b.sign() == 0) return division_by_zero();
  return decimal_outcome(divide(a, b));
}

Outcome duration_outcome(bool overflow, std::int64_t micros) {
  if (overflow) return Failure{"the result does not fit a duration"};
  return Value(Duration{micros});
}

Outcome timestamp_outcome(bool overflow, std::int64_t micros) {
  if (overflow || micros < min_timestamp_micros || micros > max_timestamp_micros)
    return Failure{"the result is outside of the years 1 to 9999"};
  return Value(Timestamp{micros});
}

std::int64_t micros_of(const Value& duration) { return duration.as<Duration>().micros; }

template <class Op>
Outcome durations(Args args) {
  std::int64_t out = 0;
  const bool overflow = Op::overflows(micros_of(args[0]), micros_of(args[1]), out);
  return duration_outcome(overflow, out);
}

Outcome scaled(const Value& duration, std::int64_t factor) {
  std::int64_t out = 0;
  const bool overflow = __builtin_mul_overflow(micros_of(duration), factor, &out);
  return duration_outcome(overflow, out);
}

template <class Op>
Outcome moved(const Value& timestamp, const Value& duration) {
  std::int64_t out = 0;
  const bool overflow = Op::overflows(timestamp.as<Timestamp>().micros, micros_of(duration), out);
  return timestamp_outcome(overflow, out);
}

template <class Op>
Outcome moved_date(const Value& date, const Value& duration) {
  const std::int64_t micros = micros_of(duration);
  if (micros % micros_per_day != 0) return Failure{"a date moves by whole days only, not by " + to_display(duration)};
  std::int64_t days = 0;
  if (Op::overflows(date.as<Date>().days, micros / micros_per_day, days) || days < min_date_days || days > max_date_days)
    return Failure{"the result is outside of the years 1 to 9999"};
  return Value(Date{static_cast<std::int32_t>(days)});
}

Outcome divide_duration(Args args) {
  const std::int64_t by = int_at(args, 1);
  if (by == 0) return division_by_zero();
  const auto quotient = divide(Decimal(micros_of(args[0])), Decimal(by));
  const auto micros = quotient->rounded(0, Rounding::half_even).to_int64();
  return duration_outcome(!micros, micros.value_or(0));
}

constexpr NativeRow rows[] = {
    {"+(int,int)", int_operator<AddInt>},
    {"-(int,int)", int_operator<SubtractInt>},
    {"*(int,int)", int_operator<MultiplyInt>},
    {"/(int,int)", [](Args a) { return divide_decimals(Decimal(int_at(a, 0)), Decimal(int_at(a, 1))); }},
    {"negate(int)",
     [](Args a) -> Outcome {
       std::int64_t out = 0;
       if (__builtin_sub_overflow(std::int64_t{0}, int_at(a, 0), &out))
         return Failure{"`-(" + std::to_string(int_at(a, 0)) + ")` does not fit an int"};
       return Value(out);
     }},
    {"+(decimal,decimal)", [](Args a) { return decimal_outcome(add(decimal_at(a, 0), decimal_at(a, 1))); }},
    {"-(decimal,decimal)", [](Args a) { return decimal_outcome(subtract(decimal_at(a, 0), decimal_at(a, 1))); }},
    {"*(decimal,decimal)", [](Args a) { return decimal_outcome(multiply(decimal_at(a, 0), decimal_at(a, 1))); }},
    {"/(decimal,decimal)", [](Args a) { return divide_decimals(decimal_at(a, 0), decimal_at(a, 1)); }},
    {"negate(decimal)", [](Args a) -> Outcome { return Value(decimal_at(a, 0).negated()); }},
    {"+(float,float)", [](Args a) { return float_outcome(float_at(a, 0) + float_at(a, 1), float_at(a, 0), float_at(a, 1)); }},
    {"-(float,float)", [](Args a) { return float_outcome(float_at(a, 0) - float_at(a, 1), float_at(a, 0), float_at(a, 1)); }},
    {"*(float,float)", [](Args a) { return float_outcome(float_at(a, 0) * float_at(a, 1), float_at(a, 0), float_at(a, 1)); }},
    {"/(float,float)",
     [](Args a) -> Outcome {
       if (float_at(a, 1) == 0) return division_by_zero();
       return float_outcome(float_at(a, 0) / float_at(a, 1), float_at(a, 0), float_at(a, 1));
     }},
    {"negate(float)", [](Args a) -> Outcome { return Value(-float_at(a, 0)); }},
    {"+(text,text)", [](Args a) { return text_outcome(text_at(a, 0) + text_at(a, 1)); }},
    {"+(duration,duration)", durations<AddInt>},
    {"-(duration,duration)", durations<SubtractInt>},
    {"negate(duration)", [](Args a) { return scaled(a[0], -1); }},
    {"*(duration,int)", [](Args a) { return scaled(a[0], int_at(a, 1)); }},
    {"*(int,duration)", [](Args a) { return scaled(a[1], int_at(a, 0)); }},
    {"/(duration,int)", divide_duration},
    {"/(duration,duration)", [](Args a) { return divide_decimals(Decimal(micros_of(a[0])), Decimal(micros_of(a[1]))); }},
    {"+(timestamp,duration)", [](Args a) { return moved<AddInt>(a[0], a[1]); }},
    {"+(duration,timestamp)", [](Args a) { return moved<AddInt>(a[1], a[0]); }},
    {"-(timestamp,duration)", [](Args a) { return moved<SubtractInt>(a[0], a[1]); }},
    {"-(timestamp,timestamp)",
     [](Args a) -> Outcome { return Value(Duration{a[0].as<Timestamp>().micros - a[1].as<Timestamp>().micros}); }},
    {"+(date,duration)", [](Args a) { return moved_date<AddInt>(a[0], a[1]); }},
    {"+(duration,date)", [](Args a) { return moved_date<AddInt>(a[1], a[0]); }},
    {"-(date,duration)", [](Args a) { return moved_date<SubtractInt>(a[0], a[1]); }},
    {"-(date,date)",
     [](Args a) -> Outcome { return Value(Duration{(std::int64_t{a[0].as<Date>().days} - a[1].as<Date>().days) * micros_per_day}); }},
    // Written like a function, but of no type of its own: check/ gives it the type that the place wants.
    {"error(text)", [](Args a) { return failure(text_at(a, 0).empty() ? "the script says so" : text_at(a, 0)); }},
};

}  // namespace

std::span<const NativeRow> operator_rows() { return rows; }

}  // namespace bfl::eval
