// Dates and times written and read by a pattern of `%Y`, `%m`, …, as stdlib/time.bfl tells.
#pragma once
#include <string_view>

#include "interpreter/eval/natives.h"

namespace bfl::eval {

// `with_time`: hours and smaller may stand in the pattern. A pattern that is wrong fails in every case; a text that does not
// fit gives null where `or_null` says so.
Outcome format_by_pattern(Timestamp timestamp, std::string_view pattern, bool with_time);
Outcome parse_by_pattern(std::string_view text, std::string_view pattern, bool with_time, bool or_null);

}  // namespace bfl::eval
