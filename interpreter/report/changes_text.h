// What changed between two versions of a job, as a reviewer reads it: text, Markdown for a pull request, JSON.
#pragma once
#include <string>

#include "interpreter/plan/changes.h"

namespace bfl::report {

std::string changes_text(const plan::Changes& changes, const std::string& job, bool edited);
std::string changes_markdown(const plan::Changes& changes, const std::string& job, bool edited);
std::string changes_json(const plan::Changes& changes, const std::string& job, bool edited);

}  // namespace bfl::report
