// Who types, and where.
#pragma once
#include <string>

namespace bfl::ledger { struct Runner; }
namespace bfl::run { class Clock; }

namespace bfl::cli {

std::string user_name();
std::string host_name();
// As the ledger names whoever types, for what is no run of a job. `clock` outlives it.
ledger::Runner runner_here(run::Clock& clock, const std::string& run = {});

}  // namespace bfl::cli
