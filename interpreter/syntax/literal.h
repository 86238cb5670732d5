// What literals mean: escapes and margins of strings, ranges of numbers, calendars.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bfl::syntax {

// Why a literal is not valid; offsets count from its first byte.
struct LiteralMistake {
  std::uint32_t begin, end;
  std::string message, help;
};

std::optional<LiteralMistake> check_escapes(std::string_view raw);   // of "…" or """…""", with quotes or without
std::optional<LiteralMistake> check_integer(std::string_view raw, bool negated);
std::optional<LiteralMistake> check_amount(std::string_view raw);    // of a duration, a size or a percentage
std::optional<LiteralMistake> check_moment(std::string_view raw);    // 2025-03-01 or 2025-03-01T10:00:00Z

// The content of a literal as written: "…", r"…", """…""", r"""…""", '…', or a piece of an f-string (`piece`). The escapes
// must have been checked.
std::string literal_content(std::string_view raw, bool piece);

}  // namespace bfl::syntax
