// Memo keys: what a step means, in named components, so that a finished step is known again and a change has a name.
//
//   meaning    the relation, the assignments and assertions after names, parameters, functions and `let`s are resolved,
//              and the clauses that change what happens (`once`)
//   schema     the touched columns as the catalogue has them: declared type, nullability, storage; the target's keys
//   target     the identities of the databases that the step touches
//   semantics  the version of what bfl means by a script
//   walk       how the rows are walked; for unfinished generations only (KeyComponent::resumes_only)
// What only describes or paces (owner, messages, `expect`, chunk size) is in `pacing` and repeats nothing.
#pragma once
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"

namespace bfl::plan {

// Goes up when the same script comes to mean something else.
inline constexpr int semantics_version = 1;

// In step with Program::steps. One pass over all steps: what steps share (columns, targets) is put into words once.
// `meaning`: gets that of the whole job, which no target goes into (Plan::meaning).
std::vector<MemoKey> memo_keys(const program::Program& program, const std::vector<std::string>& targets, std::string* meaning = nullptr);

}  // namespace bfl::plan
