// Whether a condition without outer columns holds, and what was found where it does not.
#pragma once
#include <string>
#include <vector>

#include "interpreter/run/failed_row.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {

struct Judgement {
  bool holds = false;
  std::string found{};  // on the sides of a comparison that does not hold: "found 3"; empty: there is nothing to say
  std::string query{};  // as it was sent
};

// An error when it cannot be told.
Result<Judgement> judge(Workbench& bench, const eval::Context& evaluation, const program::ExprPtr& condition);
// Of every assertion of a step, in one snapshot, with the row where one cannot be told.
Result<std::vector<Judgement>> judgements(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                                      const KeptAside& aside);
// What is asked again, so that it names the row.
Asked asked_of(const program::ExprPtr& condition);

}  // namespace bfl::run
