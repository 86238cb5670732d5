#include "interpreter/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>

#include "interpreter/cli/arguments.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

// Process-wide because the streams are.
bool color_of_output = false, color_of_messages = false;

bool wanted(std::FILE* stream) {
  const char* none = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return is_terminal(stream) && !(none && *none) && !(term && std::strcmp(term, "dumb") == 0);
}

}  // namespace

bool is_terminal(std::FILE* stream) { return isatty(fileno(stream)) == 1; }

void choose_colors(std::string_view when) {
  color_of_output = when == "always" || (when == "auto" && wanted(stdout));
  color_of_messages = when == "always" || (when == "auto" && wanted(stderr));
}

bool has_color(std::FILE* stream) { return stream == stdout ? color_of_output : color_of_messages; }

std::size_t width_of(std::FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

std::string paint(std::FILE* stream, Paint what, std::string_view text) {
  if (!has_color(stream)) return std::string(text);
  static constexpr const char* codes[] = {"1;31", "1;36", "1", "32", "2"};
  std::string painted = "\x1b[";
  painted += codes[static_cast<int>(what)];
  painted += 'm';
  painted += text;
  return painted + "\x1b[0m";
}

bool agreed(const Arguments& arguments, std::string_view question) {
  if (!is_terminal(stdin) || arguments.has("yes")) return true;
  report::say(stderr, "{} [y/N] ", question);
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

}  // namespace bfl::cli
