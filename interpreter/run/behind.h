// A database that shows less than this machine has seen of it was put back to an older state: who would go on there, forwards or
// backwards, is refused until somebody has said which side is believed (`bfl state rebuild`).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/store/state.h"

namespace bfl::run {

// Why nothing may be changed there, of class refused; nothing: it shows all that was seen. `name`: of the source; `generations`: of the job, which is in `job_file`.
Result<std::optional<Error>> older_than_seen(connect::Connector& target, store::State& state, const std::string& identity, const std::string& name,
                                             const std::vector<ledger::Generation>& generations, const std::string& job_file);
// What this machine has seen of it: by that an older copy is known when it comes back.
Result<void> note_seen(connect::Connector& target, store::State& state, const std::string& identity);

}  // namespace bfl::run
