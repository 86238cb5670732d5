#include "interpreter/eval/time_pattern.h"

#include <array>
#include <chrono>
#include <optional>

#include "interpreter/eval/native_rows.h"

namespace bfl::eval {

namespace {

constexpr std::array<std::string_view, 12> months = {"January", "February", "March",     "April",   "May",      "June",
                                                     "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> weekdays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

constexpr std::string_view date_letters = "YmdjBbAa%";
constexpr std::string_view time_letters = "HMSf";
constexpr std::string_view read_letters = "YmdBb%HMSf";

std::string padded(std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

// What is wrong with the pattern itself.
std::optional<std::string> pattern_fault(std::string_view pattern, bool with_time, bool reading) {
  std::array<bool, 3> found{};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    if (++i == pattern.size()) return "the pattern " + shown(pattern) + " ends in a lone `%`";
    const char c = pattern[i];
    const bool known = date_letters.find(c) != std::string_view::npos || (with_time && time_letters.find(c) != std::string_view::npos);
    if (!known || (reading && read_letters.find(c) == std::string_view::npos))
      return "the pattern " + shown(pattern) + " has the unknown part " + shown(pattern.substr(i - 1, 2));
    found[0] |= c == 'Y';
    found[1] |= c == 'm' || c == 'B' || c == 'b';
    found[2] |= c == 'd';
  }
  if (reading && !(found[0] && found[1] && found[2])) return "the pattern " + shown(pattern) + " lacks the year, the month or the day";
  return std::nullopt;
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

class PatternReader {
 public:
  explicit PatternReader(std::string_view text) : text_(text) {}

  std::optional<Timestamp> read(std::string_view pattern) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] != '%') {
        if (!literal(pattern[i])) return std::nullopt;
        continue;
      }
      const char part = pattern[++i];
      // Digits that follow each other directly need all their zeros.
      const bool tight =
          i + 2 < pattern.size() && pattern[i + 1] == '%' && std::string_view("YmdHMSf").find(pattern[i + 2]) != std::string_view::npos;
      if (!field(part, tight)) return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year{year_}, std::chrono::month{static_cast<unsigned>(month_)},
                                           std::chrono::day{static_cast<unsigned>(day_)}};
    if (at_ != text_.size() || year_ < 1 || !date.ok() || hour_ > 23 || minute_ > 59 || second_ > 59) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return Timestamp{days * micros_per_day + (hour_ * 3600 + minute_ * 60 + second_) * std::int64_t{1'000'000} + micros_};
  }

 private:
  bool literal(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool number(std::size_t least, std::size_t most, int& value, std::size_t* width = nullptr) {
    std::size_t count = 0;
    value = 0;
    while (count < most && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + (text_[at_++] - '0');
      ++count;
    }
    if (width != nullptr) *width = count;
    return count >= least;
  }

  bool month_name(bool whole) {
    for (std::size_t i = 0; i < months.size(); ++i) {
      const std::string_view name = whole ? months[i] : months[i].substr(0, 3);
      if (!equal_but_for_case(text_.substr(at_, name.size()), name)) continue;
      at_ += name.size();
      month_ = static_cast<int>(i) + 1;
      return true;
    }
    return false;
  }

  bool field(char part, bool tight) {
    const std::size_t least = tight ? 2 : 1;
    switch (part) {
      case 'Y': return number(4, 4, year_);
      case 'm': return number(least, 2, month_);
      case 'd': return number(least, 2, day_);
      case 'H': return number(least, 2, hour_);
      case 'M': return number(least, 2, minute_);
      case 'S': return number(least, 2, second_);
      case 'B': return month_name(true);
      case 'b': return month_name(false);
      case 'f': {
        std::size_t width = 0;
        if (!number(tight ? 6 : 1, 6, micros_, &width)) return false;
        for (; width < 6; ++width) micros_ *= 10;
        return true;
      }
      default: return literal('%');
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int year_ = 0, month_ = 0, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0, micros_ = 0;
};

}  // namespace

Outcome format_by_pattern(Timestamp timestamp, std::string_view pattern, bool with_time) {
  if (auto fault = pattern_fault(pattern, with_time, false)) return Failure{*fault};
  const std::chrono::sys_time<std::chrono::microseconds> instant{std::chrono::microseconds{timestamp.micros}};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  const std::int64_t micros = (instant - day).count();
  const std::size_t month_index = static_cast<unsigned>(date.month()) - 1;
  const std::string_view weekday = weekdays[std::chrono::weekday{day}.c_encoding()];
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      out += pattern[i];
      continue;
    }
    switch (pattern[++i]) {
      case 'Y': out += padded(static_cast<int>(date.year()), 4); break;
      case 'm': out += padded(static_cast<unsigned>(date.month()), 2); break;
      case 'd': out += padded(static_cast<unsigned>(date.day()), 2); break;
      case 'j': out += padded((day - std::chrono::sys_days{date.year() / std::chrono::January / 1}).count() + 1, 3); break;
      case 'B': out += months[month_index]; break;
      case 'b': out += months[month_index].substr(0, 3); break;
      case 'A': out += weekday; break;
      case 'a': out += weekday.substr(0, 3); break;
      case 'H': out += padded(micros / 3'600'000'000, 2); break;
      case 'M': out += padded(micros / 60'000'000 % 60, 2); break;
      case 'S': out += padded(micros / 1'000'000 % 60, 2); break;
      case 'f': out += padded(micros % 1'000'000, 6); break;
      default: out += '%'; break;
    }
  }
  return text_outcome(std::move(out));
}

Outcome parse_by_pattern(std::string_view text, std::string_view pattern, bool with_time, bool or_null) {
  if (auto fault = pattern_fault(pattern, with_time, true)) return Failure{*fault};
  const auto timestamp = PatternReader(text).read(pattern);
  if (!timestamp) return or_null ? Outcome(Value()) : Outcome(Failure{shown(text) + " does not fit the pattern " + shown(pattern)});
  if (with_time) return Value(*timestamp);
  const std::int64_t days = timestamp->micros / micros_per_day;  // no time of the day in it: divides evenly
  return Value(Date{static_cast<std::int32_t>(days)});
}

}  // namespace bfl::eval
