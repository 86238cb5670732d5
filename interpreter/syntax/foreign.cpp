#include "interpreter/syntax/foreign.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "interpreter/syntax/mistake.h"

namespace bfl::syntax {

namespace {

constexpr std::string_view as_case = "write `case { CONDITION => value, else => value }`";

constexpr std::pair<std::string_view, std::string_view> words[] = {
    {"select", "write `keep { a, b }` behind the relation"},
    {"having", "write `where` behind the braces of `group by`"},
    {"left", "write `join optional R as r on …`"},
    {"right", "begin with the other table, and write `join optional R as r on …`"},
    {"inner", "write `join one R as r on …`, or `join many` where several rows fit"},
    {"outer", "write `join optional R as r on …`"},
    {"full", "there is none: `union` the rows with a partner and those without"},
    {"cross", "write `join many R as r on true`"},
    {"offset", "number the rows, and keep some: `where row_number() over (order by …) > 10`"},
    {"with", "write `let NAME = RELATION` as an item of its own"},
    {"values", "rows are written `[ { a: 1, b: 2 }, { a: 3, b: 4 } ]`"},
    {"returning", "the rows that a step adds are a relation for later steps: `STEP.inserted`"},
    {"when", as_case},
    {"then", as_case},
    {"if", as_case},
    {"interval", "durations are `10m`, `2h`, `7d`; for months there is `add_months(t, 1)`"},
    {"begin", "a step that is one transaction says `atomic` in its braces"},
    {"commit", "a step that is one transaction says `atomic` in its braces"},
    {"truncate", "write `delete NAME of TABLE`"},
    {"merge", "write `upsert NAME into TABLE from RELATION { … key … }`"}};

bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::size_t before_blanks(std::string_view text, std::size_t end) {
  while (end > 0 && std::isspace(static_cast<unsigned char>(text[end - 1])) != 0) --end;
  return end;
}

// The word that ends at `end`, blanks aside.
std::string_view word_before(std::string_view text, std::size_t end) {
  end = before_blanks(text, end);
  std::size_t begin = end;
  while (begin > 0 && word_character(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

bool writes(std::string_view verb) { return verb == "update" || verb == "delete" || verb == "insert" || verb == "upsert"; }

char next_mark(std::string_view text, std::size_t place) {
  while (place < text.size() && std::isspace(static_cast<unsigned char>(text[place])) != 0) ++place;
  return place < text.size() ? text[place] : '\0';
}

}  // namespace

std::string_view foreign_word(std::string_view word) {
  std::string folded(word);
  std::transform(folded.begin(), folded.end(), folded.begin(), [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  for (const auto& [foreign, help] : words)
    if (foreign == folded) return help;
  return {};
}

std::string foreign_help(std::string_view text, std::uint32_t item_begin, std::uint32_t place, std::string_view phrase) {
  const std::string_view token = token_at(text, place), verb = token_at(text, item_begin);
  if (token.empty()) return {};
  const std::size_t end = before_blanks(text, place);
  const std::string_view last = word_before(text, place);
  const char mark = end > 0 ? text[end - 1] : '\0';
  const bool statement = phrase.starts_with("a statement"), value_ended = statement || phrase.starts_with("an operator");

  if (phrase == "`one`, `optional` or `many`") return "say how many rows fit: `join one` (exactly one), `join optional` (at most one), `join many`";
  if (phrase == "`=`" && std::string_view("+-*/").find(token[0]) != std::string_view::npos) return fmt::format("write `set {0} = {0} {1} …`", last, token[0]);
  if (phrase == "`=`" && token == ".") return "a step sets columns of its own table, by their bare names";
  if (token == "*" && mark == '(') return "write `count()` within a group, `count(RELATION)` elsewhere";
  if (phrase.starts_with("`{` and `name = value`")) return "aggregates stand in braces: `group by a { n = count() } where n > 1`";
  if (value_ended && token == "[") return "an element of an array is `item(a, 1)`, of a document `json_get(doc, 0)`";
  if (value_ended && token[0] == '?' && token != "??") return std::string(as_case);
  if (value_ended && token == "(" && end == place && place > last.size() && text[place - last.size() - 1] == '.') return fmt::format("functions stand before their arguments: `{}(x)`", last);
  // `update shop.orders` reads as a step `shop` and something else.
  if (token == "." && end >= last.size() && writes(word_before(text, end - last.size()))) return std::string(how_steps_begin);
  if (statement && (verb == "check" || verb == "verify")) return "a condition stands behind `assert`";
  if (statement && word_character(token[0]) && next_mark(text, place + token.size()) == '=') return fmt::format("each column has its own `set`: `set {} = …`", token);
  if (const std::string_view help = foreign_word(last); !help.empty() && word_character(mark)) return std::string(help);
  return std::string(foreign_word(token));
}

}  // namespace bfl::syntax
