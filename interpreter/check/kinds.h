// The table of step kinds: what each verb is called, what it is for and which clauses it takes. A new kind is a row here and
// a function of Checker that checks its body.
#pragma once
#include <string_view>
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::check {

struct StepKindRow {
  std::string_view verb;
  program::StepKind kind{};
  std::string_view doc;
  std::vector<std::string_view> clauses;    // of the step; those of its relation are the relation's
  std::vector<std::string_view> statements;
  std::string_view example;
};

const std::vector<StepKindRow>& step_kinds();
const StepKindRow* step_kind(std::string_view verb);

// Words of the language that this version does not have, and what to do without them.
struct LaterWord { std::string_view word, instead; };
const LaterWord* later_clause(std::string_view word);
bool is_step_clause(std::string_view word);
bool is_relation_clause(std::string_view word);

}  // namespace bfl::check
