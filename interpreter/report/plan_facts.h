// What a plan says to people, in words and in order: drawn for a terminal by plan_text.h, for a pull request by plan_markdown.h.
//
// It speaks of the very Plan that `bfl run` executes and of the previews measured for it; it decides nothing itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/preview.h"

namespace bfl::report {

enum class Form : std::uint8_t {
  words,     // prose, and expressions
  relation,  // may be broken before its clauses
  row,       // of a table: one line, whatever its length
  sql,
};

struct Fact {
  std::string_view label;    // `count`; empty: it goes on with what the fact before was about
  std::string text;
  Form form = Form::words;
};

struct StepFacts {
  std::string title;                        // `update fix_totals`
  const run::Decision* decision = nullptr;  // of the previews; null: not previewed
  std::int64_t rows = -1;                   // that it would change; negative: not known, or none of its business
  std::vector<Fact> facts{};
};

struct PlanFacts {
  std::vector<Fact> head;
  std::vector<StepFacts> steps;             // in the order in which they will run
  std::string summary;                      // `3 steps: 2 to run, 1 to verify; 1,204 rows would change, and this changed nothing`
};

// What a pace says, one after another: `2,000 rows/s`, `pause when replica_lag > 5s`.
std::vector<std::string> pace_of(const std::optional<program::Pace>& pace);

// `previews` in step with Program::steps; fewer (a database that could not be asked) leave the other steps unmeasured.
// `refused`: why a run would be, if it would.
PlanFacts facts_of(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const std::vector<std::string>& refused = {});

}  // namespace bfl::report
