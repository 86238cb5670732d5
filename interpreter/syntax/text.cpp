#include "interpreter/syntax/text.h"

#include <cstring>

#include <fmt/format.h>

#include "interpreter/syntax/parse.h"

namespace bfl::syntax {

namespace {

constexpr int most_reports = 10;  // of one file: a binary file offends in every line

// Eight bytes at a time: true if each is printable ASCII or a line end, tab or space.
bool eight_plain(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  constexpr std::uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  const std::uint64_t below_space = (v - ones * 0x20) & ~v & high;
  const std::uint64_t delete_mark = v ^ (ones * 0x7f);
  const std::uint64_t is_delete = (delete_mark - ones) & ~delete_mark & high;
  return ((v & high) | below_space | is_delete) == 0;
}

bool forbidden(char32_t c) {
  if (c < 0x20) return c != '\n' && c != '\t' && c != '\r';
  return (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

// The code point at `at` and its length; length 0 if the bytes are no UTF-8 (surrogates and overlong forms are not).
std::size_t decode(std::string_view text, std::size_t at, char32_t& c) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    c = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at < length) return 0;
  c = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    c = (c << 6) | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  return overlong || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : length;
}

std::string_view kind_of(char32_t c) {
  if (c == 0) return "a NUL character";
  if (c == 0xfeff) return "a byte order mark inside the text";
  if (c == 0x2028 || c == 0x2029) return "an invisible line separator";
  return c < 0xa0 ? "a control character" : "a character that changes the direction of writing";
}

}  // namespace

bool check_text(const SourceFile& file, std::uint32_t source, Diagnostics& diagnostics) {
  const std::string_view text = file.text();
  if (text.size() > max_file_bytes) {
    diagnostics.error(Code::file_too_large, {0, 0, source},
                      fmt::format("the file has {} bytes, and at most {} are read", text.size(), max_file_bytes), "split the job");
    return false;
  }
  int reports = 0;
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (at < text.size() && reports < most_reports) {
    if (text.size() - at >= 8 && eight_plain(text.data() + at)) {
      at += 8;
      continue;
    }
    char32_t c = 0;
    const std::size_t length = decode(text, at, c);
    const auto begin = static_cast<std::uint32_t>(at);
    if (length == 0) {
      ++reports;
      diagnostics.error(Code::invalid_utf8, {begin, begin + 1, source},
                        fmt::format("found the byte 0x{:02x}, which is no UTF-8", static_cast<unsigned char>(text[at])),
                        "save the file as UTF-8");
      while (++at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) {
      }
      continue;
    }
    if (forbidden(c)) {
      ++reports;
      diagnostics.error(Code::forbidden_character, {begin, begin + static_cast<std::uint32_t>(length), source},
                        fmt::format("found {}, U+{:04X}", kind_of(c), static_cast<std::uint32_t>(c)),
                        c == 0 ? "remove it" : fmt::format("remove it; inside a text write `\\u{{{:x}}}`", static_cast<std::uint32_t>(c)));
    }
    at += length;
  }
  return reports == 0;
}

}  // namespace bfl::syntax
