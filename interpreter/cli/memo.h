// The short way: a job that is finished is answered for before its script is parsed.
//
// Only for jobs with nothing to verify that ended well. The answer holds while the script, the parameters, the sources, the
// environment that the script names, the version of bfl, and in the target its identity, its schema and the number of
// generations that were opened or closed are what they were. A component that cannot be computed means no short way.
#pragma once
#include <optional>
#include <string>

#include "interpreter/check/check.h"
#include "interpreter/cli/session.h"
#include "interpreter/store/state.h"

namespace bfl::cli {

std::string digest_of_inputs(std::string_view script, const check::Settings& settings);
std::optional<store::FinishedJob> finished_before(store::State& state, const std::string& inputs);
// Keeps the answer for the next run, if the job is one that can be answered for.
void remember_finished(store::State& state, const std::string& inputs, Session& session, const std::string& now);

}  // namespace bfl::cli
