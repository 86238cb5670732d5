// stdlib/core.bfl: conversions between kinds, and the larger and smaller of two.
#include <array>
#include <charconv>
#include <limits>

#include "interpreter/base/json.h"
#include "interpreter/eval/native_rows.h"

namespace bfl::eval {

namespace {

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view space = " \t\n\r\f\v";
  const std::size_t first = s.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(space) - first + 1);
}

std::optional<std::int64_t> read_int(const std::string& s) {
  std::string_view digits = trimmed(s);
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<Decimal> read_decimal(const std::string& s) { return Decimal::parse(trimmed(s)); }

std::optional<double> read_float(const std::string& s) {
  const std::string_view word = trimmed(s);
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf" || word == "+inf") return std::numeric_limits<double>::infinity();
  if (word == "-inf") return -std::numeric_limits<double>::infinity();
  if (word.empty() || word.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  std::string_view digits = word;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  double value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ptr != digits.data() + digits.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) {  // too large, or so small that it is zero
    const auto exact = Decimal::parse(digits);
    if (!exact || exact->rounded(0, Rounding::down).sign() != 0) return std::nullopt;
    return digits[0] == '-' ? -0.0 : 0.0;
  }
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<bool> read_bool(const std::string& s) {
  std::string word(trimmed(s));
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const char* yes : {"true", "t", "yes", "y", "on", "1"})
    if (word == yes) return true;
  for (const char* no : {"false", "f", "no", "n", "off", "0"})
    if (word == no) return false;
  return std::nullopt;
}

std::optional<Date> read_date(const std::string& s) { return parse_date(trimmed(s)); }
std::optional<Timestamp> read_timestamp(const std::string& s) { return parse_timestamp(trimmed(s)); }
std::optional<Uuid> read_uuid(const std::string& s) { return parse_uuid(trimmed(s)); }

std::optional<std::int64_t> whole(const Decimal& d) { return d.to_int64(); }

template <auto read>
Outcome from_text_or_null(Args args) {
  return or_null(read(text_at(args, 0)));
}

Outcome not_a(const Value& found, const char* wanted) {
  return Failure{(found.kind() == Kind::text ? shown(found.as<std::string>()) : "`" + to_display(found) + "`") + " is not " + wanted};
}

template <auto read>
Outcome from_text(Args args, const char* wanted) {
  if (auto value = read(text_at(args, 0))) return Value(std::move(*value));
  return not_a(args[0], wanted);
}

Outcome whole_or_failure(const Value& given, const std::optional<Decimal>& number) {
  if (!number || !number->is_integer()) return not_a(given, "a whole number");
  if (const auto value = number->to_int64()) return Value(*value);
  return Failure{"`" + number->to_string() + "` does not fit an int"};
}

Outcome display(Args args) { return Value(to_display(args[0])); }

Outcome larger(Args args) { return order(args[0], args[1]) >= 0 ? args[0] : args[1]; }
Outcome smaller(Args args) { return order(args[0], args[1]) <= 0 ? args[0] : args[1]; }

constexpr NativeRow conversions[] = {
    {"to_text(int)", display},
    {"to_text(decimal)", display},
    {"to_text(float)", display},
    {"to_text(bool)", display},
    {"to_text(text)", display},
    {"to_text(bytes)",
     [](Args a) -> Outcome {
       const std::string& data = a[0].as<Bytes>().data;
       if (!valid_utf8(data)) return Failure{"the bytes are not valid UTF-8"};
       return text_outcome(data);
     }},
    {"to_text(date)", display},
    {"to_text(timestamp)", display},
    {"to_text(duration)", display},
    {"to_text(uuid)", display},
    {"to_text(json)", display},
    {"text(int)", display},
    {"text(decimal)", display},
    {"text(float)", display},
    {"text(bool)", display},
    {"text(date)", display},
    {"text(timestamp)", display},
    {"text(uuid)", display},
    {"to_int(text)", [](Args a) { return from_text<read_int>(a, "a whole number of 64 bits"); }},
    {"to_int(decimal)", [](Args a) { return whole_or_failure(a[0], decimal_at(a, 0)); }},
    {"to_int(float)", [](Args a) { return whole_or_failure(a[0], Decimal::from_double(float_at(a, 0))); }},
    {"to_int(bool)", [](Args a) -> Outcome { return Value(std::int64_t{a[0].as<bool>()}); }},
    {"try_int(text)", from_text_or_null<read_int>},
    {"try_int(decimal)", [](Args a) { return or_null(whole(decimal_at(a, 0))); }},
    {"to_decimal(text)", [](Args a) { return from_text<read_decimal>(a, "a decimal number"); }},
    {"to_decimal(float)",
     [](Args a) -> Outcome {
       auto exact = Decimal::from_double(float_at(a, 0));
       return exact ? Outcome(Value(std::move(*exact))) : not_a(a[0], "a decimal number");
     }},
    {"to_decimal(int)", [](Args a) -> Outcome { return Value(Decimal(int_at(a, 0))); }},
    {"try_decimal(text)", from_text_or_null<read_decimal>},
    {"to_float(text)", [](Args a) { return from_text<read_float>(a, "a float"); }},
    {"to_float(decimal)",
     [](Args a) -> Outcome {
       const double value = decimal_at(a, 0).to_double();
       return std::isfinite(value) ? Outcome(Value(value)) : Outcome(Failure{"the number is beyond the range of a float"});
     }},
    {"to_float(int)", [](Args a) -> Outcome { return Value(static_cast<double>(int_at(a, 0))); }},
    {"try_float(text)", from_text_or_null<read_float>},
    {"to_bool(text)", [](Args a) { return from_text<read_bool>(a, "true or false"); }},
    {"to_bool(int)",
     [](Args a) -> Outcome {
       if (int_at(a, 0) != 0 && int_at(a, 0) != 1) return not_a(a[0], "0 or 1");
       return Value(int_at(a, 0) == 1);
     }},
    {"try_bool(text)", from_text_or_null<read_bool>},
    {"to_date(text)", [](Args a) { return from_text<read_date>(a, "a date of the form YYYY-MM-DD"); }},
    {"try_date(text)", from_text_or_null<read_date>},
    {"to_timestamp(text)", [](Args a) { return from_text<read_timestamp>(a, "a timestamp of the form YYYY-MM-DD HH:MM:SS"); }},
    {"try_timestamp(text)", from_text_or_null<read_timestamp>},
    {"to_uuid(text)", [](Args a) { return from_text<read_uuid>(a, "a uuid"); }},
    {"try_uuid(text)", from_text_or_null<read_uuid>},
    {"to_bytes(text)", [](Args a) -> Outcome { return Value(Bytes{text_at(a, 0)}); }},
};

constexpr NativeRow comparisons[] = {
    {"greatest(int,int)", larger},           {"greatest(decimal,decimal)", larger}, {"greatest(float,float)", larger},
    {"greatest(text,text)", larger},         {"greatest(date,date)", larger},       {"greatest(timestamp,timestamp)", larger},
    {"greatest(duration,duration)", larger}, {"least(int,int)", smaller},           {"least(decimal,decimal)", smaller},
    {"least(float,float)", smaller},         {"least(text,text)", smaller},         {"least(date,date)", smaller},
    {"least(timestamp,timestamp)", smaller}, {"least(duration,duration)", smaller},
};

}  // namespace

std::span<const NativeRow> conversion_rows() { return conversions; }
std::span<const NativeRow> comparison_rows() { return comparisons; }

}  // namespace bfl::eval
