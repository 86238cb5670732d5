#include "interpreter/check/triggers.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace bfl::check {
namespace {

// Columns behind UPDATE OF, or nothing when the trigger fires on every update.
std::vector<std::string> trigger_columns(const std::string& sql) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < sql.size() && words.size() < 400; ++i) {
    const char c = sql[i];
    if (c == '"' || c == '`' || c == '[') {
      flush();
      const char close = c == '[' ? ']' : c;
      for (++i; i < sql.size() && sql[i] != close; ++i) word += sql[i];
      word.insert(0, "\"");  // a quoted name is no keyword
      flush();
    } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) >= 0x80) {
      word += c;
    } else {
      flush();
    }
  }
  flush();
  const auto is = [](const std::string& found, std::string_view keyword) {
    return std::equal(found.begin(), found.end(), keyword.begin(), keyword.end(), [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
  };
  std::vector<std::string> columns;
  for (std::size_t i = 3; i + 1 < words.size(); ++i) {
    if (!is(words[i], "UPDATE") || !is(words[i + 1], "OF")) continue;
    for (std::size_t j = i + 2; j < words.size() && !is(words[j], "ON"); ++j) columns.push_back(words[j].starts_with('"') ? words[j].substr(1) : words[j]);
    break;
  }
  return columns;
}

}  // namespace

bool equal_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool runs_for(const Trigger& trigger, std::string_view event, const std::function<bool(const std::string& column)>& written) {
  if (!equal_name(trigger.event, event)) return false;
  const auto columns = written && event == "UPDATE" ? trigger_columns(trigger.sql) : std::vector<std::string>();
  return columns.empty() || std::any_of(columns.begin(), columns.end(), written);
}

}  // namespace bfl::check
