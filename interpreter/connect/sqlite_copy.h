// A copy of a whole database as a file: one state of it, while others go on using it.
#pragma once
#include <string>

#include "interpreter/base/result.h"

namespace bfl::connect::sqlite {

// `from`, `to`: paths. What stood at `to` is overwritten.
Result<void> copy_database(const std::string& from, const std::string& to);

}  // namespace bfl::connect::sqlite
