// The diary: every event of a run, written to the state file.
#pragma once
#include "interpreter/run/events.h"
#include "interpreter/store/state.h"

namespace bfl::run {

inline constexpr std::string_view row_in_conflict = "row_in_conflict";  // an entry beside that of its chunk: which row, and why

// What could not be written is kept in `failed` (the first failure): a run whose diary is lost stops at its next chunk.
Listener journal_listener(store::State& state, Result<void>& failed);

}  // namespace bfl::run
