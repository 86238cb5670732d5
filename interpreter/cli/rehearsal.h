// One `test` block, played: the job on scratch databases with the rows that are given, its end compared, run again, undone, and once more
// from the start, killed behind its first chunk and run on.
#pragma once
#include <string>
#include <vector>

#include "interpreter/cli/session.h"
#include "interpreter/connect/postgres_scratch.h"
#include "interpreter/run/executor.h"

namespace bfl::cli {

// Everything that is not as the test says; empty: it passes. `folder`: of temporary files, emptied. `server`: null where no source is on
// PostgreSQL. `job` is planned; its sources are only read.
std::vector<std::string> problems_of(const Session& job, const program::Test& test, const std::string& folder, connect::postgres::Scratch* server, run::StopSignal& stop);

}  // namespace bfl::cli
