// stdlib/text.bfl: functions on regular expressions.
#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <vector>

#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/patterns.h"
#include "interpreter/eval/utf8.h"

namespace bfl::eval {

namespace {

using re2::RE2;
using re2::StringPiece;

constexpr std::size_t longest_pattern = 10'000;

std::unique_ptr<const RE2> compiled(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  return std::make_unique<const RE2>(StringPiece(pattern.data(), pattern.size()), options);
}

// Per thread, so that nobody waits; a script has few patterns, data used as patterns must not fill the memory.
const RE2& cached(const std::string& pattern) {
  constexpr std::size_t most = 64;
  thread_local std::unordered_map<std::string, std::unique_ptr<const RE2>> cache;
  const auto found = cache.find(pattern);
  if (found != cache.end()) return *found->second;
  if (cache.size() >= most) cache.clear();
  return *cache.emplace(pattern, compiled(pattern)).first->second;
}

std::optional<std::string> refused(std::string_view pattern) {
  if (pattern.size() > longest_pattern) return "the pattern is longer than 10000 bytes";
  return std::nullopt;
}

using Groups = std::vector<StringPiece>;

// Calls `act(groups)` for each match from left to right; an empty match does not follow another directly. False from `act` stops.
template <class Act>
void each_match(const RE2& pattern, std::string_view s, int groups, Act act) {
  const StringPiece text(s.data(), s.size());
  Groups found(static_cast<std::size_t>(groups));
  std::size_t at = 0, last_end = std::string_view::npos;
  while (at <= s.size() && pattern.Match(text, at, s.size(), RE2::UNANCHORED, found.data(), groups)) {
    const auto begin = static_cast<std::size_t>(found[0].data() - s.data());
    if (found[0].empty() && begin == last_end) {
      if (at >= s.size()) return;
      next_code(s, at);
      last_end = std::string_view::npos;
      continue;
    }
    if (!act(found, begin)) return;
    last_end = at = begin + found[0].size();
  }
}

Outcome with_pattern(Args args, Outcome (*act)(Args, const RE2&)) {
  if (const auto error = refused(text_at(args, 1))) return Failure{*error};
  const RE2& pattern = cached(text_at(args, 1));
  if (!pattern.ok()) return Failure{"the pattern " + shown(text_at(args, 1)) + " is not valid: " + pattern.error()};
  return act(args, pattern);
}

Outcome matches(Args args, const RE2& pattern) { return Value(RE2::PartialMatch(text_at(args, 0), pattern)); }

bool has_group(const RE2& pattern, std::int64_t group) { return group >= 0 && group <= pattern.NumberOfCapturingGroups(); }

Failure no_such_group(Args args, const RE2& pattern, std::int64_t group) {
  return {"the pattern " + shown(text_at(args, 1)) + " has " + std::to_string(pattern.NumberOfCapturingGroups()) + " groups, found number " +
          std::to_string(group)};
}

Outcome group_of(Args args, const RE2& pattern, std::int64_t group) {
  if (!has_group(pattern, group)) return no_such_group(args, pattern, group);
  std::vector<StringPiece> groups(static_cast<std::size_t>(group) + 1);
  const std::string& s = text_at(args, 0);
  if (!pattern.Match(s, 0, s.size(), RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()))) return Value();
  const StringPiece& found = groups.back();
  if (found.data() == nullptr) return Value();  // a group of an alternative that was not taken
  return Value(std::string(found.data(), found.size()));
}

Outcome count_matches(Args args, const RE2& pattern) {
  std::int64_t count = 0;
  each_match(pattern, text_at(args, 0), 1, [&](const Groups&, std::size_t) {
    ++count;
    return true;
  });
  return Value(count);
}

Outcome replace_all(Args args, const RE2& pattern) {
  const std::string &s = text_at(args, 0), &with = text_at(args, 2);
  std::string error;
  if (!pattern.CheckRewriteString(with, &error)) return Failure{"the replacement " + shown(with) + " does not fit the pattern: " + error};
  std::size_t references = 0;
  for (std::size_t i = 0; i + 1 < with.size(); ++i)
    if (with[i] == '\\') references += with[++i] != '\\';
  std::string out;
  std::size_t copied = 0;
  bool too_long = false;
  const int groups = 1 + std::min(9, pattern.NumberOfCapturingGroups());
  each_match(pattern, s, groups, [&](const Groups& found, std::size_t begin) {
    out.append(s, copied, begin - copied);
    too_long = out.size() + with.size() + references * found[0].size() > max_text_bytes;  // a group is a part of the match
    if (too_long || !pattern.Rewrite(&out, with, found.data(), groups)) return false;
    copied = begin + found[0].size();
    return true;
  });
  if (too_long) return text_too_long();
  return text_outcome(out.append(s, copied));
}

Outcome split_match(Args args, const RE2& pattern) {
  const std::string& s = text_at(args, 0);
  std::vector<Value> parts;
  std::size_t copied = 0;
  bool too_many = false;
  each_match(pattern, s, 1, [&](const Groups& found, std::size_t begin) {
    if (found[0].empty()) return true;
    too_many = parts.size() + 1 >= max_items;
    if (too_many) return false;
    parts.emplace_back(s.substr(copied, begin - copied));
    copied = begin + found[0].size();
    return true;
  });
  if (too_many) return Failure{"the text would split into more than 1000000 parts"};
  parts.emplace_back(s.substr(copied));
  return array_outcome(std::move(parts));
}

Outcome find_all(Args args, const RE2& pattern, std::int64_t group) {
  if (!has_group(pattern, group)) return no_such_group(args, pattern, group);
  const auto number = static_cast<std::size_t>(group);
  std::vector<Value> found;
  bool too_many = false;
  each_match(pattern, text_at(args, 0), static_cast<int>(number) + 1, [&](const Groups& groups, std::size_t) {
    if (groups[number].data() == nullptr) return true;  // took no part in the match
    too_many = found.size() >= max_items;
    if (!too_many) found.emplace_back(std::string(groups[number]));
    return !too_many;
  });
  if (too_many) return Failure{"the pattern is found more than 1000000 times"};
  return array_outcome(std::move(found));
}

constexpr NativeRow rows[] = {
    {"matches(text,text)", [](Args a) { return with_pattern(a, matches); }},
    {"find(text,text)", [](Args a) { return with_pattern(a, [](Args args, const RE2& pattern) { return group_of(args, pattern, 0); }); }},
    {"find_group(text,text,int)",
     [](Args a) { return with_pattern(a, [](Args args, const RE2& pattern) { return group_of(args, pattern, int_at(args, 2)); }); }},
    {"find_all(text,text)", [](Args a) { return with_pattern(a, [](Args args, const RE2& pattern) { return find_all(args, pattern, 0); }); }},
    {"find_all(text,text,int)",
     [](Args a) { return with_pattern(a, [](Args args, const RE2& pattern) { return find_all(args, pattern, int_at(args, 2)); }); }},
    {"count_matches(text,text)", [](Args a) { return with_pattern(a, count_matches); }},
    {"replace_all(text,text,text)", [](Args a) { return with_pattern(a, replace_all); }},
    {"split_match(text,text)", [](Args a) { return with_pattern(a, split_match); }},
    {"escape_pattern(text)", [](Args a) { return text_outcome(RE2::QuoteMeta(text_at(a, 0))); }},
};

}  // namespace

std::optional<std::string> pattern_error(std::string_view pattern) {
  if (auto error = refused(pattern)) return error;
  const auto expression = compiled(pattern);
  if (expression->ok()) return std::nullopt;
  return expression->error();
}

std::span<const NativeRow> pattern_rows() { return rows; }

}  // namespace bfl::eval
