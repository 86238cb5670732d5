// What will happen to each step, and why: decided in one place, printed by `bfl plan`, obeyed by `bfl run`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/ledger/ledger.h"
#include "interpreter/plan/plan.h"

namespace bfl::run {

enum class DecisionKind : std::uint8_t {
  run,       // never done, or done under another key
  resume,    // an unfinished generation with this key: go on behind its last chunk
  reuse,     // finished with this very key
  stop,      // an unfinished generation with another key that already changed rows
};

struct Decision {
  DecisionKind kind{};
  std::string why;                        // "first run", "resumes after chunk 41", "`meaning` changed since …"
  std::vector<std::string> changed;       // names of the components that differ from the last generation
  std::int64_t generation = 0;            // the one to open or to go on with
  bool undone_in_part = false;            // run: it was finished, and some of its rows were put back
  bool acceptable = true;                 // stop: `--accept` may go on; false when the walk changed, where the cursor would lie
};

// `generations`: oldest first; those of other steps are passed over.
Decision decide(const program::Step& step, const plan::StepPlan& step_plan, const std::vector<ledger::Generation>& generations);

// For every step of a plan, in step with it. `generations`: of the job, one list per source. Linear, whatever the number of
// steps; use it for whole jobs.
std::vector<Decision> decide(const program::Program& program, const plan::Plan& plan,
                             const std::vector<std::vector<ledger::Generation>>& generations);

// A step that is finished starts again when what it has read is kept anew, or was since. Called by decide(); again by who
// changes decisions.
void renew(const program::Program& program, const std::vector<std::vector<ledger::Generation>>& generations,
           std::vector<Decision>& decisions);

}  // namespace bfl::run
