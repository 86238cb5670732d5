// stdlib/time.bfl: parts of dates and instants, and moving about the calendar. Patterns are in time_pattern.cpp.
#include <chrono>

#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/time_pattern.h"

namespace bfl::eval {

namespace {

using std::chrono::year_month_day;

year_month_day ymd_of(Date date) { return std::chrono::sys_days{std::chrono::days{date.days}}; }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

Date day_of(Timestamp t) { return {static_cast<std::int32_t>(floor_divide(t.micros, micros_per_day))}; }
std::int64_t time_of(Timestamp t) { return t.micros - std::int64_t{day_of(t).days} * micros_per_day; }  // since midnight
Timestamp at(Date date, std::int64_t time = 0) { return {std::int64_t{date.days} * micros_per_day + time}; }

Date date_at(Args args, std::size_t i) { return args[i].as<Date>(); }
Timestamp timestamp_at(Args args, std::size_t i) { return args[i].as<Timestamp>(); }
Date date_in(Args args) { return args[0].kind() == Kind::date ? date_at(args, 0) : day_of(timestamp_at(args, 0)); }

Outcome out_of_range() { return Failure{"the result is outside of the years 1 to 9999"}; }

Outcome date_outcome(std::int64_t days) {
  if (days < min_date_days || days > max_date_days) return out_of_range();
  return Value(Date{static_cast<std::int32_t>(days)});
}

Outcome year(Args args) { return Value(std::int64_t{static_cast<int>(ymd_of(date_in(args)).year())}); }
Outcome month(Args args) { return Value(std::int64_t{static_cast<unsigned>(ymd_of(date_in(args)).month())}); }
Outcome day(Args args) { return Value(std::int64_t{static_cast<unsigned>(ymd_of(date_in(args)).day())}); }

std::int64_t weekday_of(Date date) {
  const std::int64_t days = std::int64_t{date.days} + 3;  // 1970-01-01 was a Thursday
  return days - floor_divide(days, 7) * 7 + 1;
}
Outcome weekday(Args args) { return Value(weekday_of(date_in(args))); }

Date first_of_year(Date date) {
  const year_month_day first{ymd_of(date).year(), std::chrono::January, std::chrono::day{1}};
  return {static_cast<std::int32_t>(std::chrono::sys_days{first}.time_since_epoch().count())};
}
Date first_of_month(Date date) { return {date.days - static_cast<std::int32_t>(static_cast<unsigned>(ymd_of(date).day())) + 1}; }

Outcome made_date(Args args) {
  const std::int64_t y = int_at(args, 0), m = int_at(args, 1), d = int_at(args, 2);
  if (y >= 1 && y <= 9999 && m >= 1 && m <= 12 && d >= 1 && d <= 31) {
    const year_month_day date{std::chrono::year{static_cast<int>(y)}, std::chrono::month{static_cast<unsigned>(m)},
                              std::chrono::day{static_cast<unsigned>(d)}};
    if (date.ok()) return Value(Date{static_cast<std::int32_t>(std::chrono::sys_days{date}.time_since_epoch().count())});
  }
  return Failure{"there is no day " + std::to_string(d) + " in month " + std::to_string(m) + " of the year " + std::to_string(y)};
}

// The last day of a shorter month stands for those that it lacks.
std::optional<Date> moved_by_months(Date date, std::int64_t months) {
  constexpr std::int64_t most = 12 * 10'000;
  if (months > most || months < -most) return std::nullopt;
  const year_month_day from = ymd_of(date);
  const std::int64_t total = std::int64_t{static_cast<int>(from.year())} * 12 + static_cast<unsigned>(from.month()) - 1 + months;
  const std::int64_t year_number = floor_divide(total, 12);
  if (year_number < 1 || year_number > 9999) return std::nullopt;
  const std::chrono::year to_year{static_cast<int>(year_number)};
  const std::chrono::month to_month{static_cast<unsigned>(total - year_number * 12) + 1};
  const auto last = year_month_day{to_year / to_month / std::chrono::last};
  const year_month_day to{to_year, to_month, std::min(from.day(), last.day())};
  return Date{static_cast<std::int32_t>(std::chrono::sys_days{to}.time_since_epoch().count())};
}

Outcome add_months(Args args, std::int64_t factor) {
  std::int64_t months = 0;
  if (__builtin_mul_overflow(int_at(args, 1), factor, &months)) return out_of_range();
  const auto moved = moved_by_months(date_in(args), months);
  if (!moved) return out_of_range();
  if (args[0].kind() == Kind::date) return Value(*moved);
  return Value(at(*moved, time_of(timestamp_at(args, 0))));
}

Outcome add_days(Args args) {
  std::int64_t days = 0;
  if (__builtin_add_overflow(std::int64_t{date_at(args, 0).days}, int_at(args, 1), &days)) return out_of_range();
  return date_outcome(days);
}

Outcome end_of_month(Args args) {
  const year_month_day ymd = ymd_of(date_at(args, 0));
  const year_month_day last{ymd.year() / ymd.month() / std::chrono::last};
  return Value(Date{static_cast<std::int32_t>(std::chrono::sys_days{last}.time_since_epoch().count())});
}

Outcome truncate_to(Args args) {
  const std::string& unit = text_at(args, 0);
  const Timestamp t = timestamp_at(args, 1);
  const Date date = day_of(t);
  const auto down_to = [&](std::int64_t micros) -> Outcome { return Value(Timestamp{floor_divide(t.micros, micros) * micros}); };
  if (unit == "millisecond") return down_to(1'000);
  if (unit == "second") return down_to(1'000'000);
  if (unit == "minute") return down_to(60'000'000);
  if (unit == "hour") return down_to(3'600'000'000);
  if (unit == "day") return Value(at(date));
  if (unit == "week") {
    const std::int64_t monday = date.days - (weekday_of(date) - 1);
    return monday < min_date_days ? out_of_range() : Outcome(Value(at(Date{static_cast<std::int32_t>(monday)})));
  }
  if (unit == "month") return Value(at(first_of_month(date)));
  if (unit == "quarter") {
    const unsigned months = (static_cast<unsigned>(ymd_of(date).month()) - 1) % 3;
    return Value(at(*moved_by_months(first_of_month(date), -static_cast<std::int64_t>(months))));
  }
  if (unit == "year") return Value(at(first_of_year(date)));
  return Failure{shown(unit) + " is no unit of time, expected year, quarter, month, week, day, hour, minute, second or millisecond"};
}

Outcome timestamp_outcome(bool overflow, std::int64_t micros) {
  if (overflow || micros < min_timestamp_micros || micros > max_timestamp_micros) return out_of_range();
  return Value(Timestamp{micros});
}

Outcome from_epoch(std::int64_t count, std::int64_t unit) {
  std::int64_t micros = 0;
  const bool overflow = __builtin_mul_overflow(count, unit, &micros);
  return timestamp_outcome(overflow, micros);
}

Outcome from_epoch_decimal(Args args) {
  const auto micros = multiply(decimal_at(args, 0), Decimal(1'000'000));
  if (micros && !micros->is_integer()) return Failure{"`" + to_display(args[0]) + "` seconds are not a whole number of microseconds"};
  const auto count = micros ? micros->to_int64() : std::nullopt;
  return timestamp_outcome(!count, count.value_or(0));
}

Outcome total_seconds(Args args) { return decimal_outcome(divide(Decimal(args[0].as<Duration>().micros), Decimal(1'000'000))); }

template <std::int64_t unit, std::int64_t count>
Outcome time_part(Args args) {
  return Value(time_of(timestamp_at(args, 0)) / unit % count);
}

constexpr NativeRow rows[] = {
    {"year(date)", year},
    {"year(timestamp)", year},
    {"month(date)", month},
    {"month(timestamp)", month},
    {"day(date)", day},
    {"day(timestamp)", day},
    {"hour(timestamp)", time_part<3'600'000'000, 24>},
    {"minute(timestamp)", time_part<60'000'000, 60>},
    {"second(timestamp)", time_part<1'000'000, 60>},
    {"weekday(date)", weekday},
    {"weekday(timestamp)", weekday},
    {"day_of_year(date)",
     [](Args a) -> Outcome { return Value(std::int64_t{date_at(a, 0).days - first_of_year(date_at(a, 0)).days + 1}); }},
    {"date(int,int,int)", made_date},
    {"date_of(timestamp)", [](Args a) -> Outcome { return Value(day_of(timestamp_at(a, 0))); }},
    {"at_midnight(date)", [](Args a) -> Outcome { return Value(at(date_at(a, 0))); }},
    {"add_days(date,int)", add_days},
    {"add_months(date,int)", [](Args a) { return add_months(a, 1); }},
    {"add_months(timestamp,int)", [](Args a) { return add_months(a, 1); }},
    {"add_years(date,int)", [](Args a) { return add_months(a, 12); }},
    {"add_years(timestamp,int)", [](Args a) { return add_months(a, 12); }},
    {"days_between(date,date)", [](Args a) -> Outcome { return Value(std::int64_t{date_at(a, 1).days} - date_at(a, 0).days); }},
    {"start_of_month(date)", [](Args a) -> Outcome { return Value(first_of_month(date_at(a, 0))); }},
    {"start_of_month(timestamp)", [](Args a) -> Outcome { return Value(at(first_of_month(day_of(timestamp_at(a, 0))))); }},
    {"end_of_month(date)", end_of_month},
    {"start_of_year(date)", [](Args a) -> Outcome { return Value(first_of_year(date_at(a, 0))); }},
    {"start_of_week(date)", [](Args a) { return date_outcome(date_at(a, 0).days - (weekday_of(date_at(a, 0)) - 1)); }},
    {"start_of_day(timestamp)", [](Args a) -> Outcome { return Value(at(day_of(timestamp_at(a, 0)))); }},
    {"truncate_to(text,timestamp)", truncate_to},
    {"total_seconds(duration)", total_seconds},
    {"format_date(date,text)", [](Args a) { return format_by_pattern(at(date_at(a, 0)), text_at(a, 1), false); }},
    {"format_time(timestamp,text)", [](Args a) { return format_by_pattern(timestamp_at(a, 0), text_at(a, 1), true); }},
    {"parse_date(text,text)", [](Args a) { return parse_by_pattern(text_at(a, 0), text_at(a, 1), false, false); }},
    {"try_parse_date(text,text)", [](Args a) { return parse_by_pattern(text_at(a, 0), text_at(a, 1), false, true); }},
    {"parse_time(text,text)", [](Args a) { return parse_by_pattern(text_at(a, 0), text_at(a, 1), true, false); }},
    {"try_parse_time(text,text)", [](Args a) { return parse_by_pattern(text_at(a, 0), text_at(a, 1), true, true); }},
    {"epoch_seconds(timestamp)", [](Args a) -> Outcome { return Value(floor_divide(timestamp_at(a, 0).micros, 1'000'000)); }},
    {"epoch_millis(timestamp)", [](Args a) -> Outcome { return Value(floor_divide(timestamp_at(a, 0).micros, 1'000)); }},
    {"from_epoch_seconds(int)", [](Args a) { return from_epoch(int_at(a, 0), 1'000'000); }},
    {"from_epoch_seconds(decimal)", from_epoch_decimal},
    {"from_epoch_millis(int)", [](Args a) { return from_epoch(int_at(a, 0), 1'000); }},
};

}  // namespace

std::span<const NativeRow> time_rows() { return rows; }

}  // namespace bfl::eval
