// A target that shows less than this machine saw committed was restored from a backup, or is another one.
#pragma once
#include <string>
#include <vector>

#include "interpreter/ledger/ledger.h"
#include "interpreter/store/state.h"

namespace bfl::run {

// What it lacks, in words; empty: nothing. `name`: the source, as the script calls it; `identity`: of its ledger.
Result<std::string> lacking(connect::Connector& target, store::State& state, const std::string& identity, const std::string& name, const std::vector<ledger::Generation>& generations);
inline constexpr const char* help_with_older =
    "if the older copy is the right one: `bfl state rebuild JOB.bfl --from SOURCE --lost redo`; if only bfl's tables are older: `--lost keep`";

}  // namespace bfl::run
