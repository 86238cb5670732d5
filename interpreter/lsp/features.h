// What a document can tell about itself. Plain values with places in the current text; the server puts them into the protocol's words.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/lsp/document.h"

namespace bfl::lsp {

// outline.cpp
enum class OutlineKind : std::uint8_t { job, parameter, source, relation, function, recipe, step, test };
struct OutlineItem {
  std::string name, detail;
  OutlineKind kind{};
  Span whole{}, name_span{};
};
std::vector<OutlineItem> outline(const Document& document);
std::vector<Span> folds(const Document& document);  // what can be folded: its first line stays

// names.cpp
struct Hover { Span span{}; std::string markdown; };
std::optional<Hover> hover(const Document& document, const Library& library, std::uint32_t offset);
std::optional<Span> definition(const Document& document, std::uint32_t offset);
std::vector<Span> references(const Document& document, std::uint32_t offset, bool with_definition = true);
struct Renaming { std::vector<Span> places; std::string written; std::string refused; };  // the name as it is written; why there is none
Renaming rename(const Document& document, std::uint32_t offset, std::string_view name);
enum class TokenKind : std::uint8_t { parameter, source, table, relation, step, function, column, alias };  // in step with token_names
inline constexpr std::string_view token_names[] = {"parameter", "namespace", "class", "variable", "event", "function", "property", "variable"};
struct Token { Span span{}; TokenKind kind{}; bool declaration = false, library = false; };
std::vector<Token> tokens(const Document& document);
struct Hint { std::uint32_t offset = 0; std::string text, tooltip; };
std::vector<Hint> hints(const Document& document);

// completion.cpp
enum class CompletionKind : std::uint8_t { keyword, function, column, table, relation, parameter, source, alias, step };
struct Completion { std::string label; CompletionKind kind{}; std::string detail, documentation; };
std::vector<Completion> complete(const Document& document, const Library& library, std::uint32_t offset);

// mends.cpp
struct Mend { std::string title; Span span{}; std::string text; std::size_t diagnostic = 0; };
std::vector<Mend> mends(const Document& document, Span range);

bool is_word_character(char c);

}  // namespace bfl::lsp
