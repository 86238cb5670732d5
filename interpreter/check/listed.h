// Names in a help line.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace bfl::check {

// "the columns are `a`, `b`": the first of them.
std::string listed(std::string_view beginning, const std::vector<std::string>& names);

}  // namespace bfl::check
