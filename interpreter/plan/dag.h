// The order of the steps: edges from data conflicts by column and from `after`, and a topological order of them.
#pragma once
#include <cstddef>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"

namespace bfl::plan {

struct Dag {
  std::vector<Edge> edges;
  std::vector<std::size_t> order;  // empty when there is a cycle, which has been diagnosed then
};

Dag order_steps(const program::Program& program, Diagnostics& diagnostics);

}  // namespace bfl::plan
