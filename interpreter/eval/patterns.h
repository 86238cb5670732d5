// Regular expressions: RE2, linear in the text, compiled once per thread and pattern.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace bfl::eval {

// Why the pattern is not valid; nothing when it is. For literal patterns in scripts.
std::optional<std::string> pattern_error(std::string_view pattern);

}  // namespace bfl::eval
