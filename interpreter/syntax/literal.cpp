#include "interpreter/syntax/literal.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "interpreter/syntax/parse.h"

namespace bfl::syntax {

namespace {

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

// `at` is the backslash. Appends what it stands for and gives the length of the escape; 0 if there is no such escape.
std::size_t read_escape(std::string_view raw, std::size_t at, std::string* out) {
  constexpr std::string_view letters = "nrt\\\"'", meanings = "\n\r\t\\\"'";
  if (at + 1 >= raw.size()) return 0;
  const std::size_t letter = letters.find(raw[at + 1]);
  if (letter != std::string_view::npos) {
    if (out != nullptr) *out += meanings[letter];
    return 2;
  }
  if (raw[at + 1] != 'u' || at + 2 >= raw.size() || raw[at + 2] != '{') return 0;
  const std::size_t close = raw.find('}', at);
  if (close == std::string_view::npos || close == at + 3 || close > at + 9) return 0;
  std::uint32_t c = 0;
  const auto [end, error] = std::from_chars(raw.data() + at + 3, raw.data() + close, c, 16);
  const bool valid = error == std::errc{} && end == raw.data() + close && c != 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
  if (!valid) return 0;
  if (out != nullptr) append_utf8(*out, c);
  return close + 1 - at;
}

// The lines of """…""" without the margin that they share, without the line of the opening and that of the closing quotes.
std::string without_margin(std::string_view content) {
  std::vector<std::string_view> lines;
  while (true) {
    const std::size_t end = content.find('\n');
    std::string_view line = content.substr(0, end);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) break;
    content.remove_prefix(end + 1);
  }
  if (lines.size() == 1) return std::string(lines[0]);
  const auto indent = [](std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); };
  const bool first_is_empty = lines.front().empty();
  const bool last_is_blank = indent(lines.back()) == lines.back().size();
  std::size_t margin = std::string_view::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const bool counts = indent(lines[i]) < lines[i].size() || (i + 1 == lines.size() && last_is_blank);
    if (counts) margin = std::min(margin, indent(lines[i]));
  }
  std::string out;
  const std::size_t first = first_is_empty ? 1 : 0, end = last_is_blank ? lines.size() - 1 : lines.size();
  for (std::size_t i = first; i < end; ++i) {
    if (i != first) out += '\n';
    out += i == 0 ? lines[i] : lines[i].substr(std::min(margin, lines[i].size()));
  }
  return out;
}

std::string without_underscores(std::string_view digits) {
  std::string out;
  std::copy_if(digits.begin(), digits.end(), std::back_inserter(out), [](char c) { return c != '_'; });
  return out;
}

LiteralMistake whole(std::string_view raw, std::string message, std::string help) {
  return {0, static_cast<std::uint32_t>(raw.size()), std::move(message), std::move(help)};
}

}  // namespace

std::optional<LiteralMistake> check_escapes(std::string_view raw) {
  for (std::size_t at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', at)) {
    const std::size_t length = read_escape(raw, at, nullptr);
    if (length == 0) {
      const std::size_t character = at + 1;
      std::size_t end = std::min(character + 1, raw.size());
      while (end < raw.size() && (static_cast<unsigned char>(raw[end]) & 0xc0) == 0x80) ++end;
      return LiteralMistake{
          static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end),
          fmt::format("found `{}`, which is no escape", raw.substr(at, end - at)),
          "the escapes are `\\n`, `\\r`, `\\t`, `\\\\`, `\\\"`, `\\'` and `\\u{1F600}`; for a backslash write `\\\\` or a "
          "raw text, `r\"...\"`"};
    }
    at += length;
  }
  return {};
}

std::optional<LiteralMistake> check_integer(std::string_view raw, bool negated) {
  if (raw.size() < 19) return {};
  const std::string digits = without_underscores(raw);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  constexpr std::uint64_t largest = 0x7fffffffffffffffu;
  if (error == std::errc{} && end == digits.data() + digits.size() && value <= largest + (negated ? 1 : 0)) return {};
  return whole(raw, fmt::format("found `{}`, but an integer is at most 9_223_372_036_854_775_807", raw),
               fmt::format("write a decimal: `{}.0`", raw));
}

std::optional<LiteralMistake> check_amount(std::string_view raw) {
  const std::string digits = without_underscores(raw.substr(0, raw.find_first_not_of("0123456789_")));
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc{}) return {};
  return whole(raw, fmt::format("found `{}`, which does not fit 64 bits", raw), "write a smaller amount, or one in a larger unit");
}

std::optional<LiteralMistake> check_moment(std::string_view raw) {
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(raw.data() + at, raw.data() + at + length, value);
    return value;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (year == 0) return whole(raw, fmt::format("found `{}`, but years begin with 0001", raw), "write a year from 0001 to 9999");
  if (month < 1 || month > 12) {
    return LiteralMistake{5, 7, fmt::format("found month `{}`, expected 01 to 12", raw.substr(5, 2)),
                          "write year, month, day: `2025-03-01`"};
  }
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int days = lengths[month - 1] + (month == 2 && leap ? 1 : 0);
  if (day < 1 || day > days) {
    return LiteralMistake{8, 10, fmt::format("found `{}`, but {} has {} days", raw.substr(0, 10), raw.substr(0, 7), days),
                          fmt::format("write a day from 01 to {}", days)};
  }
  if (raw.size() == 10) return {};
  const std::size_t zone = raw.find_first_of("Z+-", 11);
  if (zone == std::string_view::npos) {
    return whole(raw, fmt::format("found `{}` without a zone, but a timestamp is an instant", raw),
                 fmt::format("write `{}Z` for UTC", raw));
  }
  const bool seconds = raw[16] == ':';
  if (number(11, 2) > 23 || number(14, 2) > 59 || (seconds && number(17, 2) > 59)) {
    return whole(raw, fmt::format("found the time `{}`, expected 00:00:00 to 23:59:59", raw.substr(11, zone - 11)),
                 "write hours, minutes and seconds: `10:30:00`");
  }
  if (seconds && zone > 19 && zone - 20 > 6) {
    return whole(raw, fmt::format("found `{}`, but a timestamp has microseconds at most", raw),
                 "leave at most six digits behind the point");
  }
  if (raw[zone] != 'Z' && (number(zone + 1, 2) > 18 || number(zone + 4, 2) > 59)) {
    return whole(raw, fmt::format("found the zone `{}`, expected -18:00 to +18:00", raw.substr(zone)), "write `Z` for UTC");
  }
  return {};
}

std::string literal_content(std::string_view raw, bool piece) {
  bool escapes = true;
  std::string margin_free;
  if (!piece) {
    if (raw.starts_with('r')) {
      escapes = false;
      raw.remove_prefix(1);
    }
    if (raw.starts_with("\"\"\"") && raw.size() >= 6) {
      margin_free = without_margin(raw.substr(3, raw.size() - 6));
      raw = margin_free;
    } else if (raw.size() >= 2) {
      escapes = escapes && raw[0] == '"';
      raw = raw.substr(1, raw.size() - 2);
    }
  }
  std::string out;
  out.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size();) {
    if (escapes && raw[at] == '\\') {
      at += std::max<std::size_t>(read_escape(raw, at, &out), 1);
      continue;
    }
    out += raw[at];
    at += piece && (raw[at] == '{' || raw[at] == '}') ? 2 : 1;
  }
  return out;
}

std::optional<std::string> string_content(const ast::File& file, ast::NodeId string, Diagnostics& diagnostics) {
  const ast::Node& node = file[string];
  const bool raw = (node.flags & ast::flag::raw) != 0;
  if (!raw && !node.text.starts_with('\'')) {
    if (const auto mistake = check_escapes(node.text)) {
      const std::uint32_t begin = node.span.begin + mistake->begin;
      diagnostics.error(Code::invalid_literal, {begin, begin + mistake->end - mistake->begin, file.source}, mistake->message,
                        mistake->help);
      return {};
    }
  }
  return literal_content(node.text, node.kind == ast::NodeKind::string_piece);
}

}  // namespace bfl::syntax
