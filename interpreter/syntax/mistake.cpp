#include "interpreter/syntax/mistake.h"

#include <cctype>

#include <fmt/format.h>

#include "interpreter/syntax/foreign.h"

namespace bfl::syntax {

namespace {

enum class Role : std::uint8_t { reserved, item, step, relation_clause, step_clause, statement, inner };
struct Keyword {
  std::string_view text;
  Role role;
};
constexpr Keyword keywords[] = {
#define BFL_KEYWORD(id, text, role) {text, Role::role},
#include "grammar/keywords.def"
#undef BFL_KEYWORD
};

const std::vector<std::string>& suggestions() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all;
    for (const Keyword& keyword : keywords) all.emplace_back(keyword.text);
    return all;
  }();
  return words;
}

bool is_keyword(std::string_view word) {
  for (const Keyword& keyword : keywords) {
    if (keyword.text == word) return true;
  }
  return false;
}

bool beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string_view token_at(std::string_view text, std::uint32_t place) {
  if (place >= text.size()) return {};
  std::size_t end = place + 1;
  const char first = text[place];
  const auto more_marks = [&](std::string_view marks) {
    while (end < text.size() && end < place + 3u && marks.find(text[end]) != std::string_view::npos) ++end;
  };
  if (word_character(first)) {
    while (end < text.size() && (word_character(text[end]) || beyond_ascii(text[end]))) ++end;
  } else if (first == '"' || first == '\'' || first == '`') {
    while (end < text.size() && text[end] != first && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
    end = std::min(end + (end < text.size() && text[end] == first ? 1 : 0), text.size());
  } else if (first == '-' || first == '/') {
    more_marks("-/*>");
  } else if (std::string_view("=<>!&|?:").find(first) != std::string_view::npos) {
    more_marks("=<>&|?:");
  } else if (beyond_ascii(first)) {
    while (end < text.size() && (word_character(text[end]) || beyond_ascii(text[end]))) ++end;
  }
  return text.substr(place, end - place);
}

namespace {

std::string found_text(std::string_view token) {
  if (token.empty()) return "the end of the file";
  if (token[0] == '"') return "a text";
  constexpr std::size_t most = 40;
  if (token.size() <= most) return fmt::format("`{}`", token);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(token[end]) & 0xc0) == 0x80) --end;
  return fmt::format("`{}...`", token.substr(0, end));
}

std::size_t line_start(std::string_view text, std::size_t at) {
  const std::size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

// How far a line is indented; npos when something stands before `at`.
std::size_t indent_of(std::string_view text, std::size_t at) {
  const std::size_t start = line_start(text, at);
  return text.substr(start, at - start).find_first_not_of(" \t") == std::string_view::npos ? at - start : std::string_view::npos;
}

std::size_t item_indent(std::string_view text, std::uint32_t item_begin) {
  const std::size_t start = line_start(text, item_begin);
  return std::min(text.find_first_not_of(" \t", start), static_cast<std::size_t>(item_begin)) - start;
}

bool begins_item_here(std::string_view text, std::size_t place, std::size_t indent) {
  if (place >= text.size() || !begins_item(token_at(text, static_cast<std::uint32_t>(place)))) return false;
  const std::size_t own = indent_of(text, place);
  return own != std::string_view::npos && own <= indent;
}

constexpr std::string_view after_item = "an operator, a clause or the next item";

// A help line for words and marks that other languages have.
std::string help_for(std::string_view token, std::string_view phrase) {
  if (token.empty()) return {};
  if (word_character(token[0]) && std::isdigit(static_cast<unsigned char>(token[0])) == 0) {
    if (!is_keyword(token)) {
      const std::string near = nearest(token, suggestions());
      if (!near.empty()) return fmt::format("did you mean `{}`", near);
      return {};
    }
    for (const Keyword& keyword : keywords) {
      if (keyword.text == token && keyword.role == Role::reserved && phrase.find("name") != std::string_view::npos) {
        return fmt::format("`{0}` is reserved; as a name it takes backticks: `` `{0}` ``", token);
      }
    }
    return {};
  }
  if (token == "==" && phrase == "`=`") return "a value is given with `=`";
  if (token == "--" || token == "//" || token == "/*") return "a comment begins with `#`";
  if (token == "%") return "for the rest of a division write `mod(a, b)`";
  if (token == "::") return "to convert, call a function: `to_int(x)`";
  if (token == "$") return "parameters are used by their name alone";
  if (token[0] == '(' && phrase == after_item) return "a call has no space before its `(`";
  return {};
}

char closing_of(char opening) { return opening == '(' ? ')' : opening == '[' ? ']' : '}'; }

}  // namespace

bool begins_item(std::string_view word) {
  for (const Keyword& keyword : keywords) {
    if ((keyword.role == Role::item || keyword.role == Role::step) && keyword.text == word) return true;
  }
  return false;
}

namespace {

// Throws when the mistake is that the innermost bracket was never closed: the text has ended, or the line at `place` begins
// a new item.
void fail_unclosed(const Builder& builder, std::uint32_t place) {
  const std::string_view text = builder.text;
  const std::uint32_t opening = builder.openings.back();
  const std::size_t line = line_start(text, place);
  const auto first = static_cast<std::uint32_t>(std::min(text.find_first_not_of(" \t", line), text.size()));
  const bool new_item = first > opening && begins_item_here(text, first, item_indent(text, builder.item_begin));
  if (!new_item && place < text.size()) return;
  const char mark = text[opening];
  Diagnostic d{.code = Code::unclosed_block,
               .message = fmt::format("this `{}` is never closed", mark),
               .span = builder.span(opening, opening + 1),
               .help = fmt::format("close it with `{}`", closing_of(mark))};
  if (new_item) {
    const auto size = static_cast<std::uint32_t>(token_at(text, first).size());
    d.labels.push_back({builder.span(first, first + size), "the next item begins here"});
  }
  throw Failure{new_item ? first : place, std::move(d)};
}

// Throws when the first word of the line at `place` was taken as a name, but is the beginning of an item: what is above it
// is not complete.
void fail_incomplete(const Builder& builder, std::uint32_t place) {
  const std::string_view text = builder.text;
  const std::size_t line = line_start(text, place);
  const auto first = static_cast<std::uint32_t>(std::min(text.find_first_not_of(" \t", line), text.size()));
  const bool inside = first > builder.item_begin || (place == builder.item_begin && first > builder.item_before);
  if (!inside || first >= place || !begins_item_here(text, first, item_indent(text, builder.item_before))) return;
  const std::string_view word = token_at(text, first);
  throw Failure{first, {.code = Code::unexpected_token,
                        .message = fmt::format("found `{}` where the item above is not complete", word),
                        .span = builder.span(first, first + static_cast<std::uint32_t>(word.size())),
                        .help = "complete the item above; as a name, this word takes backticks here"}};
}

// True when the item above may go on: it has not ended with `}`.
bool ends_open(std::string_view text, std::uint32_t item_begin) {
  const std::size_t last = item_begin == 0 ? std::string_view::npos : text.find_last_not_of(" \t\r\n", item_begin - 1);
  return last != std::string_view::npos && text[last] != '}';
}

}  // namespace

void fail_expected(const Builder& builder, std::uint32_t place, std::string_view phrase, Expected kind) {
  const std::string_view text = builder.text;
  if (kind == Expected::string_end) {
    const std::uint32_t begin = builder.literal_begin;
    if (place < text.size() && text[place] == '}') {
      builder.fail(place, Code::invalid_literal, builder.span(place, place + 1), "found a single `}` in a text with holes", "write `}}`");
    }
    const std::size_t line_end = std::min(text.find('\n', begin), text.size());
    const bool triple = text.substr(begin, 4).find("\"\"\"") != std::string_view::npos;
    builder.fail(begin + 1, Code::unclosed_string, builder.span(begin, triple ? begin + 3 : static_cast<std::uint32_t>(line_end)),
                 triple ? "this text is never closed" : "this text is not closed on its line",
                 triple ? "close it with `\"\"\"`" : "close it with `\"`; a text of several lines stands in `\"\"\"`");
  }
  if (kind == Expected::backtick) {
    std::uint32_t begin = place;
    while (begin > 0 && text[begin - 1] != '`') --begin;
    builder.fail(place, Code::unclosed_string, builder.span(begin - 1, place), "this name is not closed on its line",
                 "close it with a backtick");
  }
  // `Größe` stops after `Gr`.
  if (place < text.size() && beyond_ascii(text[place])) {
    while (place > 0 && word_character(text[place - 1])) --place;
    const std::string_view word = token_at(text, place);
    builder.fail(place, Code::unexpected_token, builder.span(place, place + static_cast<std::uint32_t>(word.size())),
                 fmt::format("found {}, which is no plain name", found_text(word)),
                 "a name with other characters than `a` to `z`, digits and `_` takes backticks");
  }
  if (!builder.openings.empty()) fail_unclosed(builder, place);
  fail_incomplete(builder, place);
  if (kind == Expected::item && ends_open(text, builder.item_begin)) phrase = after_item;
  const std::string_view token = token_at(text, place);
  const Span where = builder.span(place, place + static_cast<std::uint32_t>(token.size()));
  std::string help = foreign_help(text, builder.item_begin, place, phrase);
  Diagnostic d{.code = Code::unexpected_token,
               .message = fmt::format("found {} where {} is expected", found_text(token), phrase),
               .span = where,
               .label = fmt::format("expected {}", phrase),
               .help = help.empty() ? help_for(token, phrase) : std::move(help)};
  const bool closing = token == ")" || token == "]" || token == "}" || phrase.ends_with(")`") || phrase.ends_with("]`");
  if (!builder.openings.empty() && closing && (token.empty() || token[0] != closing_of(text[builder.openings.back()]))) {
    const std::uint32_t opening = builder.openings.back();
    d.labels.push_back({builder.span(opening, opening + 1), "opened here"});
  }
  throw Failure{place, std::move(d)};
}

void check_verb(const Builder& builder) {
  const std::string_view word = builder.name();
  if (begins_item(word)) return;
  fail_incomplete(builder, builder.item_begin);
  if (!is_keyword(word) && foreign_word(word).empty() && nearest(word, suggestions()).empty()) return;
  throw Failure{builder.name_end, unknown_item(builder, word)};
}

Diagnostic unknown_item(const Builder& builder, std::string_view word) {
  Diagnostic d{.code = Code::unknown_keyword,
               .span = builder.span(builder.item_begin, builder.item_begin + static_cast<std::uint32_t>(word.size()))};
  if (is_keyword(word)) {
    d.code = Code::unexpected_token;
    d.message = fmt::format("found `{}` where an item is expected", word);
    const bool clause = std::any_of(std::begin(keywords), std::end(keywords),
                                    [&](const Keyword& k) { return k.text == word && k.role == Role::relation_clause; });
    d.help = clause && ends_open(builder.text, builder.item_begin)
                 ? "clauses that choose rows stand before those of the step"
                 : "the item above has ended; clauses of a step stand before its `{`, statements inside of it";
    return d;
  }
  d.message = fmt::format("found `{}`, which begins no item and no clause", word);
  const std::string near = nearest(word, suggestions());
  const std::size_t end = builder.item_begin + word.size();
  if (end < builder.text.size() && builder.text[end] == '.') d.help = how_steps_begin;
  else if (const std::string_view help = foreign_word(word); !help.empty()) d.help = help;
  else d.help = near.empty()
               ? "items begin with `job`, `use`, `param`, `source`, `let`, `fn`, or the kind of a step: `check`, `update`, `verify`"
               : fmt::format("did you mean `{}`", near);
  return d;
}

std::uint32_t next_item(std::string_view text, std::uint32_t item_begin, std::uint32_t place) {
  const std::size_t indent = item_indent(text, item_begin);
  std::size_t line = line_start(text, place);
  while (line < text.size()) {
    const std::size_t first = std::min(text.find_first_not_of(" \t", line), text.size());
    if (first > item_begin && begins_item_here(text, first, indent)) return static_cast<std::uint32_t>(first);
    const std::size_t end = text.find('\n', line);
    if (end == std::string_view::npos) break;
    line = end + 1;
  }
  return static_cast<std::uint32_t>(text.size());
}

}  // namespace bfl::syntax
