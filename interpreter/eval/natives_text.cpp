// stdlib/text.bfl: what needs no table of Unicode beyond white space.
#include <algorithm>
#include <bitset>
#include <limits>

#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/utf8.h"

namespace bfl::eval {

namespace {

class CharacterSet {
 public:
  explicit CharacterSet(std::string_view characters) {
    for (std::size_t at = 0; at < characters.size();) {
      const std::int32_t code = next_code(characters, at);
      if (code >= 0 && code < 128) ascii_.set(static_cast<std::size_t>(code));
      else others_.push_back(code);
    }
    std::sort(others_.begin(), others_.end());
  }
  bool operator()(std::int32_t code) const {
    if (code >= 0 && code < 128) return ascii_.test(static_cast<std::size_t>(code));
    return std::binary_search(others_.begin(), others_.end(), code);
  }

 private:
  std::bitset<128> ascii_;
  std::vector<std::int32_t> others_;
};

template <class Test>
Outcome trimmed(std::string_view s, bool start, bool end, const Test& is_cut) {
  std::size_t first = 0, last = s.size();
  while (start && first < last) {
    std::size_t at = first;
    if (!is_cut(next_code(s, at))) break;
    first = at;
  }
  while (end && last > first) {
    std::size_t at = previous(s, last);
    const std::size_t begin = at;
    if (!is_cut(next_code(s, at))) break;
    last = begin;
  }
  return Value(std::string(s.substr(first, last - first)));
}

template <bool start, bool end>
Outcome trim_space(Args args) {
  return trimmed(text_at(args, 0), start, end, is_space);
}

template <bool start, bool end>
Outcome trim_set(Args args) {
  return trimmed(text_at(args, 0), start, end, CharacterSet(text_at(args, 1)));
}

// Characters first to last, counted from 1, last not included.
Outcome slice(std::string_view s, std::int64_t first, std::int64_t last) {
  first = std::max<std::int64_t>(first, 1);
  if (last <= first) return Value(std::string());
  const std::size_t begin = offset_of(s, first - 1);
  const std::string_view rest = s.substr(begin);
  return Value(std::string(rest.substr(0, offset_of(rest, last - first))));
}

Outcome substring(Args args) {
  std::int64_t last = 0;
  if (__builtin_add_overflow(int_at(args, 1), std::max<std::int64_t>(int_at(args, 2), 0), &last))
    last = std::numeric_limits<std::int64_t>::max();
  return slice(text_at(args, 0), int_at(args, 1), last);
}

Outcome left(Args args) {
  const std::string& s = text_at(args, 0);
  return Value(s.substr(0, offset_of(s, int_at(args, 1))));
}

Outcome right(Args args) {
  const std::string& s = text_at(args, 0);
  std::size_t begin = s.size();
  for (std::int64_t left_over = int_at(args, 1); left_over > 0 && begin > 0; --left_over) begin = previous(s, begin);
  return Value(s.substr(begin));
}

Outcome reversed(Args args) {
  const std::string& s = text_at(args, 0);
  std::string out;
  out.reserve(s.size());
  for (std::size_t end = s.size(); end > 0;) {
    const std::size_t begin = previous(s, end);
    out.append(s, begin, end - begin);
    end = begin;
  }
  return Value(std::move(out));
}

Outcome repeated(Args args) {
  const std::string& s = text_at(args, 0);
  const std::int64_t count = int_at(args, 1);
  if (count <= 0 || s.empty()) return Value(std::string());
  if (static_cast<std::uint64_t>(count) > max_text_bytes / s.size()) return text_too_long();
  std::string out;
  out.reserve(s.size() * static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out += s;
  return Value(std::move(out));
}

Outcome padded(Args args, bool at_start) {
  const std::string &s = text_at(args, 0), &fill = text_at(args, 2);
  const std::int64_t missing = int_at(args, 1) - std::min(code_count(s), int_at(args, 1));
  if (missing == 0) return Value(s);
  if (fill.empty()) return Failure{"there is nothing to fill up with: the third argument is empty"};
  if (missing > static_cast<std::int64_t>(max_text_bytes)) return text_too_long();
  std::string filling;
  std::size_t at = 0;
  for (std::int64_t i = 0; i < missing; ++i) {
    append_code(filling, next_code(fill, at));
    if (at == fill.size()) at = 0;
  }
  return text_outcome(at_start ? filling + s : s + filling);
}

Outcome position(Args args) {
  const std::string_view s = text_at(args, 0);
  const std::size_t at = s.find(text_at(args, 1));
  if (at == std::string_view::npos) return Value(std::int64_t{0});
  return Value(code_count(s.substr(0, at)) + 1);
}

Outcome has_any(Args args) {
  const std::string_view s = text_at(args, 0);
  const CharacterSet wanted(text_at(args, 1));
  for (std::size_t at = 0; at < s.size();)
    if (wanted(next_code(s, at))) return Value(true);
  return Value(false);
}

Outcome replaced(Args args) {
  const std::string &s = text_at(args, 0), &old = text_at(args, 1), &with = text_at(args, 2);
  if (old.empty()) return Value(s);
  std::string out;
  std::size_t at = 0;
  for (std::size_t found = s.find(old); found != std::string::npos; found = s.find(old, at)) {
    out.append(s, at, found - at).append(with);
    if (out.size() > max_text_bytes) return text_too_long();
    at = found + old.size();
  }
  return text_outcome(out.append(s, at));
}

Outcome replaced_any(Args args) {
  const std::string& s = text_at(args, 0);
  const CharacterSet old(text_at(args, 1));
  std::string out;
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t begin = at;
    if (old(next_code(s, at))) out += text_at(args, 2);
    else out.append(s, begin, at - begin);
    if (out.size() > max_text_bytes) return text_too_long();
  }
  return Value(std::move(out));
}

Outcome split(Args args) {
  const std::string &s = text_at(args, 0), &separator = text_at(args, 1);
  std::vector<Value> parts;
  const auto full = [&] { return parts.size() >= max_items; };
  std::size_t at = 0;
  if (separator.empty()) {
    while (at < s.size() && !full()) {
      const std::size_t begin = at;
      next_code(s, at);
      parts.emplace_back(s.substr(begin, at - begin));
    }
    if (at < s.size()) return Failure{"the text would split into more than 1000000 parts"};
    return array_outcome(std::move(parts));
  }
  for (std::size_t found = s.find(separator); found != std::string::npos; found = s.find(separator, at)) {
    if (full()) return Failure{"the text would split into more than 1000000 parts"};
    parts.emplace_back(s.substr(at, found - at));
    at = found + separator.size();
  }
  parts.emplace_back(s.substr(at));
  return array_outcome(std::move(parts));
}

constexpr NativeRow rows[] = {
    {"trim(text)", trim_space<true, true>},
    {"trim(text,text)", trim_set<true, true>},
    {"trim_start(text)", trim_space<true, false>},
    {"trim_start(text,text)", trim_set<true, false>},
    {"trim_end(text)", trim_space<false, true>},
    {"trim_end(text,text)", trim_set<false, true>},
    {"length(text)", [](Args a) -> Outcome { return Value(code_count(text_at(a, 0))); }},
    {"byte_length(bytes)", [](Args a) -> Outcome { return Value(static_cast<std::int64_t>(a[0].as<Bytes>().data.size())); }},
    {"byte_length(text)", [](Args a) -> Outcome { return Value(static_cast<std::int64_t>(text_at(a, 0).size())); }},
    {"substring(text,int,int)", substring},
    {"substring(text,int)", [](Args a) { return slice(text_at(a, 0), int_at(a, 1), std::numeric_limits<std::int64_t>::max()); }},
    {"left(text,int)", left},
    {"right(text,int)", right},
    {"reverse(text)", reversed},
    {"repeat(text,int)", repeated},
    {"pad_start(text,int,text)", [](Args a) { return padded(a, true); }},
    {"pad_end(text,int,text)", [](Args a) { return padded(a, false); }},
    {"starts_with(text,text)", [](Args a) -> Outcome { return Value(text_at(a, 0).starts_with(text_at(a, 1))); }},
    {"ends_with(text,text)", [](Args a) -> Outcome { return Value(text_at(a, 0).ends_with(text_at(a, 1))); }},
    {"contains(text,text)", [](Args a) -> Outcome { return Value(text_at(a, 0).find(text_at(a, 1)) != std::string::npos); }},
    {"position(text,text)", position},
    {"has_any(text,text)", has_any},
    {"replace(text,text,text)", replaced},
    {"replace_any(text,text,text)", replaced_any},
    {"split(text,text)", split},
};

}  // namespace

std::span<const NativeRow> text_rows() { return rows; }

}  // namespace bfl::eval
