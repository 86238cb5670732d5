// A run under way, whatever it does: recorded in the state file, shown on the screen, stopped by signals, summed up.
#pragma once
#include <functional>
#include <memory>

#include "interpreter/cli/session.h"
#include "interpreter/run/executor.h"

namespace bfl::cli {

// Opens the state file, or makes it; false with a diagnostic. A state that is there already is kept.
bool have_state(Session& session, const Arguments& arguments, std::unique_ptr<store::State>& state);

using Doing = std::function<run::Outcome(run::StopSignal& stop, const run::Listener& tell, run::Options& options, Diagnostics& found)>;
// Gives the exit code.
int carry_out(Session& session, const Arguments& arguments, store::State* state, run::Clock* clock, const Doing& doing);

}  // namespace bfl::cli
