// Which triggers of a table run when its rows are changed.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "interpreter/base/catalogue.h"

namespace bfl::check {

bool equal_name(std::string_view a, std::string_view b);  // as databases compare names
// `event`: UPDATE, INSERT or DELETE. `written`: of an update, whether it sets the column; none: it may set any.
bool runs_for(const Trigger& trigger, std::string_view event, const std::function<bool(const std::string& column)>& written = {});

}  // namespace bfl::check
