// A run under way, whatever it does: recorded in the state file, shown on the screen, stopped by signals, summed up.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "interpreter/cli/session.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/undo.h"

namespace bfl::cli {

// Sortable by time, to the millisecond: `20250401T101500123-3fa9`.
std::string new_run_id(Timestamp now);

// Opens the state file, or makes it; false with a diagnostic. A state that is there already is kept.
bool have_state(Session& session, const Arguments& arguments, std::unique_ptr<store::State>& state);

// Of the job's text, and of its modules' if it has any.
std::string script_digest(const Session& session);

using Doing = std::function<run::Outcome(run::StopSignal& stop, const run::Listener& tell, run::Options& options, Diagnostics& found)>;
// Gives the exit code.
int carry_out(Session& session, const Arguments& arguments, store::State* state, run::Clock* clock, const Doing& doing);
// What a run of the job takes back when it undoes itself: what it has changed, and what the runs have that it has gone on with.
Result<void> whole_rollback(const Session& session, run::UndoRequest& request);
// The exit code where an older copy has come back, said; nothing: something may be put back.
std::optional<int> refuse_older(const Session& session, store::State& state);
// The session's steps are those of the tasks from then on.
void take_steps(Session& session, const std::vector<run::UndoTask>& tasks);
// Carries out an undo: the session's steps are those of the tasks from then on.
int put_back(Session& session, const Arguments& arguments, store::State& state, run::Clock& clock, std::vector<run::UndoTask>& tasks);

// `bfl run`, where these finished steps are applied once more for the rows that they have in quarantine.
int run_again(const Arguments& arguments, const std::vector<std::string>& retried);

}  // namespace bfl::cli
