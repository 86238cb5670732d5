// The wording of syntax errors: what was found, what was expected, what to do.
#pragma once
#include <string>
#include <string_view>

#include "interpreter/syntax/builder.h"

namespace bfl::syntax {

enum class Expected : std::uint8_t { something, string_end, backtick, item };

// Parsing stopped at `place`, where `phrase` was expected.
[[noreturn]] void fail_expected(const Builder& builder, std::uint32_t place, std::string_view phrase, Expected kind);

// The first word of an item is no item: a typing mistake if a word of the language is near. Nothing if it may be a step.
void check_verb(const Builder& builder);
// The item that began with an unknown word did not parse as a step either.
Diagnostic unknown_item(const Builder& builder, std::string_view word);

// What stands at `place`, as far as it should be quoted: a word, a number, a text, a mark. Empty at the end.
std::string_view token_at(std::string_view text, std::uint32_t place);
bool begins_item(std::string_view word);
// Where parsing goes on after a mistake at `place`: the next line, indented no deeper than the item, that begins with the
// word of an item.
std::uint32_t next_item(std::string_view text, std::uint32_t item_begin, std::uint32_t place);

}  // namespace bfl::syntax
