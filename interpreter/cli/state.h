// `bfl state`: the diary of this machine, looked after.
#pragma once
#include "interpreter/cli/arguments.h"

namespace bfl::cli {

int look_after_state(const Arguments& arguments);

}  // namespace bfl::cli
