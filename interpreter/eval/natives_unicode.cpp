// stdlib/text.bfl: case, normal forms and what is built on them, through utf8proc.
#include <cstdlib>
#include <memory>

#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/utf8.h"

namespace bfl::eval {

namespace {

void append_upper(std::string& out, std::int32_t code) {
  if (code == 0xdf) {  // the one letter of living languages whose upper case is two
    out += "SS";
  } else {
    append_code(out, code < 0 ? code : utf8proc_toupper(code));
  }
}

Outcome lower(Args args) {
  const std::string& s = text_at(args, 0);
  std::string out;
  out.reserve(s.size());
  for (std::size_t at = 0; at < s.size();) {
    const std::int32_t code = next_code(s, at);
    append_code(out, code < 0 ? code : utf8proc_tolower(code));
  }
  return Value(std::move(out));
}

Outcome upper(Args args) {
  const std::string& s = text_at(args, 0);
  std::string out;
  out.reserve(s.size());
  for (std::size_t at = 0; at < s.size();) append_upper(out, next_code(s, at));
  return Value(std::move(out));
}

bool within_word(std::int32_t code) {
  if (code < 0) return false;
  if (code == '\'' || code == 0x2019) return true;
  const utf8proc_category_t category = utf8proc_category(code);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_NO);
}

Outcome title(Args args) {
  const std::string& s = text_at(args, 0);
  std::string out;
  out.reserve(s.size());
  bool inside = false;
  for (std::size_t at = 0; at < s.size();) {
    const std::int32_t code = next_code(s, at);
    append_code(out, code < 0 ? code : (inside ? utf8proc_tolower(code) : utf8proc_totitle(code)));
    inside = within_word(code);
  }
  return Value(std::move(out));
}

Outcome capitalize(Args args) {
  const std::string& s = text_at(args, 0);
  if (s.empty()) return Value(s);
  std::size_t at = 0;
  std::string out;
  const std::int32_t code = next_code(s, at);
  append_code(out, code < 0 ? code : utf8proc_totitle(code));
  return text_outcome(out.append(s, at));
}

Outcome normalize_space(Args args) {
  const std::string& s = text_at(args, 0);
  std::string out;
  bool space = false;
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t begin = at;
    if (is_space(next_code(s, at))) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out.append(s, begin, at - begin);
  }
  return Value(std::move(out));
}

struct Free {
  void operator()(utf8proc_uint8_t* p) const { std::free(p); }
};

Outcome mapped(std::string_view s, int options) {
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(s.data()), static_cast<utf8proc_ssize_t>(s.size()),
                                             &raw, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(raw);
  if (size < 0) return Failure{shown(s) + " is not valid UTF-8"};
  return text_outcome(std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)));
}

template <int options>
Outcome normal_form(Args args) {
  return mapped(text_at(args, 0), options);
}

constexpr int without_marks = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_STRIPMARK;

// Letters that no normal form takes apart.
const char* plain_letters(std::int32_t code) {
  switch (code) {
    case 0xdf: return "ss";
    case 0xe6: return "ae";
    case 0xf0:
    case 0x111: return "d";
    case 0xf8: return "o";
    case 0xfe: return "th";
    case 0x131: return "i";
    case 0x142: return "l";
    case 0x153: return "oe";
    default: return nullptr;
  }
}

Outcome slug(Args args) {
  Outcome plain = mapped(text_at(args, 0), without_marks | UTF8PROC_COMPAT);
  if (std::holds_alternative<Failure>(plain)) return plain;
  const std::string s = std::get<Value>(plain).as<std::string>();
  std::string out;
  bool gap = false;
  for (std::size_t at = 0; at < s.size();) {
    const std::int32_t code = utf8proc_tolower(next_code(s, at));
    const bool kept = (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9');
    const char* const letters = kept ? nullptr : plain_letters(code);
    if (!kept && letters == nullptr) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out += '-';
    gap = false;
    if (kept) out += static_cast<char>(code);
    else out += letters;
  }
  return Value(std::move(out));
}

constexpr NativeRow rows[] = {
    {"lower(text)", lower},
    {"upper(text)", upper},
    {"title(text)", title},
    {"capitalize(text)", capitalize},
    {"normalize_space(text)", normalize_space},
    {"nfc(text)", normal_form<UTF8PROC_STABLE | UTF8PROC_COMPOSE>},
    {"nfkc(text)", normal_form<UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT>},
    {"casefold(text)", normal_form<UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD>},
    {"strip_accents(text)", normal_form<without_marks>},
    {"slug(text)", slug},
};

}  // namespace

std::span<const NativeRow> unicode_rows() { return rows; }

}  // namespace bfl::eval
