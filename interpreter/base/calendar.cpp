// ISO 8601 texts and uuids: the part of value.h that reads and writes dates, timestamps and identifiers.
#include <chrono>

#include "interpreter/base/digest.h"
#include "interpreter/base/value.h"

namespace bfl {

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool done() const { return at_ == text_.size(); }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool digit() const { return !done() && text_[at_] >= '0' && text_[at_] <= '9'; }
  bool number(int digits, int& value) {
    value = 0;
    for (int i = 0; i < digits; ++i) {
      if (!digit()) return false;
      value = value * 10 + (text_[at_++] - '0');
    }
    return true;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<Date> scan_date(Scanner& scanner) {
  int year = 0, month = 0, day = 0;
  if (!scanner.number(4, year) || !scanner.take('-') || !scanner.number(2, month) || !scanner.take('-') || !scanner.number(2, day))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (year < 1 || !date.ok()) return std::nullopt;
  return Date{static_cast<std::int32_t>(std::chrono::sys_days{date}.time_since_epoch().count())};
}

// Z, ±HH, ±HHMM, ±HH:MM or nothing; in minutes.
bool scan_zone(Scanner& scanner, int& minutes) {
  minutes = 0;
  if (scanner.done() || scanner.take('Z')) return true;
  const bool west = scanner.take('-');
  if (!west && !scanner.take('+')) return false;
  int hour = 0, minute = 0;
  if (!scanner.number(2, hour) || hour > 23) return false;
  const bool colon = scanner.take(':');
  if ((colon || scanner.digit()) && (!scanner.number(2, minute) || minute > 59)) return false;
  minutes = (hour * 60 + minute) * (west ? -1 : 1);
  return true;
}

std::string padded(std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  Scanner scanner(text);
  const auto date = scan_date(scanner);
  return scanner.done() ? date : std::nullopt;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  Scanner scanner(text);
  const auto date = scan_date(scanner);
  if (!date || (!scanner.take('T') && !scanner.take(' '))) return std::nullopt;
  int hour = 0, minute = 0, second = 0, zone = 0;
  std::int64_t fraction = 0;
  if (!scanner.number(2, hour) || !scanner.take(':') || !scanner.number(2, minute)) return std::nullopt;
  if (scanner.take(':')) {
    if (!scanner.number(2, second)) return std::nullopt;
    if (scanner.take('.')) {
      std::int64_t unit = 1'000'000;
      for (int value = 0; scanner.digit(); fraction += value * unit) {
        unit /= 10;
        if (unit == 0) return std::nullopt;
        scanner.number(1, value);
      }
      if (unit == 1'000'000) return std::nullopt;
    }
  }
  if (hour > 23 || minute > 59 || second > 59 || !scan_zone(scanner, zone) || !scanner.done()) return std::nullopt;
  const std::int64_t seconds = hour * 3600 + minute * 60 + second - zone * 60;
  const std::int64_t micros = date->days * micros_per_day + seconds * 1'000'000 + fraction;
  if (micros < min_timestamp_micros || micros > max_timestamp_micros) return std::nullopt;
  return Timestamp{micros};
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return std::nullopt;
      continue;
    }
    int value = 0;
    if (c >= '0' && c <= '9') value = c - '0';
    else if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
    else return std::nullopt;
    std::uint8_t& byte = uuid.data[digits / 2];
    byte = static_cast<std::uint8_t>(digits % 2 == 0 ? value << 4 : byte | value);
    ++digits;
  }
  return uuid;
}

std::string format_date(Date date) {
  const std::chrono::year_month_day ymd{std::chrono::sys_days{std::chrono::days{date.days}}};
  return padded(static_cast<int>(ymd.year()), 4) + "-" + padded(static_cast<unsigned>(ymd.month()), 2) + "-" +
         padded(static_cast<unsigned>(ymd.day()), 2);
}

std::string format_timestamp(Timestamp timestamp, char separator, std::string_view suffix) {
  std::int64_t days = timestamp.micros / micros_per_day, micros = timestamp.micros % micros_per_day;
  if (micros < 0) {
    micros += micros_per_day;
    --days;
  }
  std::string out = format_date(Date{static_cast<std::int32_t>(days)});
  const std::int64_t seconds = micros / 1'000'000;
  out += separator;
  out += padded(seconds / 3600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2);
  if (micros % 1'000'000 != 0) {
    std::string fraction = padded(micros % 1'000'000, 6);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += "." + fraction;
  }
  return out.append(suffix);
}

std::string format_uuid(const Uuid& uuid) {
  std::string out = hex(std::string_view(reinterpret_cast<const char*>(uuid.data.data()), uuid.data.size()));
  for (const std::size_t at : {8U, 13U, 18U, 23U}) out.insert(at, 1, '-');
  return out;
}

}  // namespace bfl
