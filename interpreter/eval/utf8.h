// Walking over a text by code points, whatever its bytes are: SQLite keeps any bytes as text, so a byte that is not UTF-8
// counts as a character of its own and is handed through unchanged.
#pragma once
#include <utf8proc.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace bfl::eval {

// The code point at `at`, which moves behind it. A stray byte b gives -1 - b.
inline std::int32_t next_code(std::string_view s, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(s[at]);
  if (byte < 0x80) {
    ++at;
    return byte;
  }
  utf8proc_int32_t code = -1;
  const auto left = static_cast<utf8proc_ssize_t>(s.size() - at);
  const utf8proc_ssize_t size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(s.data() + at), left < 4 ? left : 4, &code);
  if (size <= 0 || code < 0) {
    ++at;
    return -1 - std::int32_t{byte};
  }
  at += static_cast<std::size_t>(size);
  return code;
}

inline void append_code(std::string& out, std::int32_t code) {
  if (code < 0) {
    out += static_cast<char>(-1 - code);
  } else if (code < 0x80) {
    out += static_cast<char>(code);
  } else {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t size = utf8proc_encode_char(code, bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
}

// Where the character before `end` begins.
inline std::size_t previous(std::string_view s, std::size_t end) {
  for (std::size_t back = 1; back <= 4 && back <= end; ++back) {
    std::size_t at = end - back;
    if (next_code(s, at) >= 0 && at == end) return end - back;
  }
  return end - 1;
}

// Where the character number `count` begins, or the end of the text.
inline std::size_t offset_of(std::string_view s, std::int64_t count) {
  std::size_t at = 0;
  while (count > 0 && at < s.size()) {
    next_code(s, at);
    --count;
  }
  return at;
}

inline std::int64_t code_count(std::string_view s) {
  std::int64_t count = 0;
  for (std::size_t at = 0; at < s.size(); ++count) next_code(s, at);
  return count;
}

inline bool is_space(std::int32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  if (code == 0x85) return true;
  const utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

}  // namespace bfl::eval
