// What words and marks of other languages are called here. For mistakes only: nothing of this is part of the language.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace bfl::syntax {

// A word of SQL or of a general language: what to write for it, or nothing.
std::string_view foreign_word(std::string_view word);

// Parsing stopped at `place` of `text`, within the item that begins at `item_begin`, where `phrase` was expected: what to
// write when that place looks like a habit of another language, or nothing.
std::string foreign_help(std::string_view text, std::uint32_t item_begin, std::uint32_t place, std::string_view phrase);

inline constexpr std::string_view how_steps_begin =
    "a step has a name behind its verb: `update NAME of TABLE { … }`, `delete NAME of TABLE where …`, `insert NAME into TABLE from RELATION { … }`";

}  // namespace bfl::syntax
