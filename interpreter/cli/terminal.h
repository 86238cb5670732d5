// What the two streams are: a terminal or not, with colours or not, decided once per stream.
#pragma once
#include <cstdio>
#include <cstdint>
#include <string>
#include <string_view>

namespace bfl::cli {

struct Arguments;

enum class Paint : std::uint8_t { error, help, title, good, faint };

void choose_colors(std::string_view when);  // auto, always or never, as `--color` has it; auto honours NO_COLOR and TERM=dumb
bool has_color(std::FILE* stream);
bool is_terminal(std::FILE* stream);
std::size_t width_of(std::FILE* stream);  // columns; 100 where there is no terminal
std::string paint(std::FILE* stream, Paint what, std::string_view text);
// Whether whoever types says yes; without a terminal, or with `--yes`, nobody is asked.
bool agreed(const Arguments& arguments, std::string_view question);

}  // namespace bfl::cli
