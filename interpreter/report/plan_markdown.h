// The plan as a comment under a pull request: GitHub's Markdown, a step folded away under each line of the overview.
//
// What a database or a script holds stands in code only, so that nothing in it is a mention, a link, a fold or a table of its own.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "interpreter/report/plan_facts.h"

namespace bfl::report {

inline constexpr std::size_t longest_comment = 65'536;  // GitHub's limit, in characters; here bytes, which are never fewer

// What does not fit is left out from the longest steps first, and said: statements, then rows, then whole steps.
std::string plan_markdown(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const std::vector<std::string>& refused = {}, std::size_t most = longest_comment);

}  // namespace bfl::report
