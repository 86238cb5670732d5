#include "interpreter/base/diagnostic.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

namespace bfl {

namespace {

struct CodeRow {
  std::string_view text, title;
};

constexpr CodeRow code_rows[] = {
#define BFL_CODE(id, text, title) {text, title},
#include "interpreter/base/codes.def"
#undef BFL_CODE
};

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

// Restricted Damerau-Levenshtein: insert, delete, replace, and swap of neighbours cost one each. Gives limit + 1 when it is
// certain that the distance is beyond the limit.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if ((a.size() > b.size() ? a.size() - b.size() : b.size() - a.size()) > limit) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    std::size_t best = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
      best = std::min(best, row[j]);
    }
    if (best > limit) return limit + 1;
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

// `created_order_at` and `order_created_at` have the same words.
std::vector<std::string_view> sorted_words(std::string_view name) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t end = name.find('_');
    words.push_back(name.substr(0, end));
    if (end == std::string_view::npos) break;
    name.remove_prefix(end + 1);
  }
  std::sort(words.begin(), words.end());
  return words;
}

// Script text in a message may be a name of megabytes.
void clip(std::string& text) {
  constexpr std::size_t longest = 2'000;
  if (text.size() <= longest) return;
  std::size_t end = longest;
  while (end > longest - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  text += "…";
}

std::string_view severity_text(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::note: return "note";
  }
  return "error";
}

}  // namespace

std::string_view code_text(Code code) { return code_rows[static_cast<std::size_t>(code)].text; }
std::string_view code_title(Code code) { return code_rows[static_cast<std::size_t>(code)].title; }

Diagnostic& Diagnostics::add(Diagnostic diagnostic) {
  clip(diagnostic.message);
  clip(diagnostic.help);
  if (diagnostic.severity == Severity::error && ++errors_ > limit_) return dropped_ = std::move(diagnostic);
  if (diagnostic.severity == Severity::warning && ++warnings_ > limit_) return dropped_ = std::move(diagnostic);
  return list_.emplace_back(std::move(diagnostic));
}

Diagnostic& Diagnostics::error(Code code, Span span, std::string message, std::string help) {
  return add({.code = code, .severity = Severity::error, .message = std::move(message), .span = span, .help = std::move(help)});
}

Diagnostic& Diagnostics::warning(Code code, Span span, std::string message, std::string help) {
  return add({.code = code, .severity = Severity::warning, .message = std::move(message), .span = span, .help = std::move(help)});
}

void Diagnostics::sort_by_position() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.span.file != b.span.file ? a.span.file < b.span.file : a.span.begin < b.span.begin;
  });
}

std::string to_json(const Diagnostic& diagnostic, const Sources& sources) {
  using Json = nlohmann::ordered_json;
  const auto place = [&](Json& object, Span span) {
    if (span.file >= sources.size()) return;
    const SourceFile& file = sources.file(span.file);
    const Position begin = file.position(span.begin), end = file.position(span.end);
    object["file"] = file.path();
    object["line"] = begin.line;
    object["column"] = begin.column;
    object["end_line"] = end.line;
    object["end_column"] = end.column;
    object["begin"] = span.begin;
    object["end"] = span.end;
  };
  Json object;
  object["code"] = code_text(diagnostic.code);
  object["severity"] = severity_text(diagnostic.severity);
  object["message"] = diagnostic.message;
  place(object, diagnostic.span);
  if (!diagnostic.label.empty()) object["label"] = diagnostic.label;
  object["labels"] = Json::array();
  for (const Label& label : diagnostic.labels) {
    Json entry;
    entry["text"] = label.text;
    place(entry, label.span);
    object["labels"].push_back(std::move(entry));
  }
  object["notes"] = diagnostic.notes;
  object["help"] = diagnostic.help;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  for (const std::string& candidate : candidates) {
    if (equal_but_for_case(word, candidate)) return candidate;
  }
  const std::size_t limit = std::max<std::size_t>(word.size(), 3) / 3;
  std::size_t best = limit + 1;
  const std::string* found = nullptr;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate, best - 1);
    if (distance < best) {
      best = distance;
      found = &candidate;
      if (best == 0) break;
    }
  }
  if (found != nullptr) return *found;
  const std::vector<std::string_view> words = sorted_words(word);
  if (words.size() < 2) return {};
  for (const std::string& candidate : candidates) {
    if (candidate.size() == word.size() && sorted_words(candidate) == words) return candidate;
  }
  return {};
}

}  // namespace bfl
