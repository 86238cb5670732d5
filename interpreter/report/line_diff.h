// What changed between two texts, line by line, in the form that `diff -u` and git have.
#pragma once
#include <string>
#include <string_view>

namespace bfl::report {

// Empty when the texts are equal. Texts whose difference would take long to find are shown as one exchange.
std::string line_diff(std::string_view old_text, std::string_view new_text, std::string_view old_name, std::string_view new_name);

}  // namespace bfl::report
