#include "interpreter/cli/typed.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace bfl::cli {

std::string as_typed(const std::string& word) {
  constexpr std::string_view harmless = "_./+=:,@%-";
  const auto plain = [&](char c) { return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 || harmless.find(c) != std::string_view::npos; };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace bfl::cli
