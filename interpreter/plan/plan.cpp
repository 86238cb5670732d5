#include "interpreter/plan/plan.h"

#include "interpreter/plan/dag.h"
#include "interpreter/plan/memo.h"

namespace bfl::plan {
namespace {

WorkKind work_of(const program::Step& step) {
  if (program::only_asserts(step.kind)) return WorkKind::assertion;
  if (step.kind == program::StepKind::snapshot) return WorkKind::keep;
  switch (step.route) {
    case program::Route::direct: return WorkKind::direct_write;
    case program::Route::whole: return WorkKind::whole_write;
    case program::Route::sealed: case program::Route::none: break;
  }
  return WorkKind::sealed_write;  // the route that is right for every step that changes rows
}

}  // namespace

Plan make(const program::Program& program, const std::vector<std::string>& targets, Diagnostics& diagnostics) {
  Plan plan;
  Dag dag = order_steps(program, diagnostics);
  if (dag.order.size() < program.steps.size()) return plan;
  plan.edges = std::move(dag.edges);
  plan.order = std::move(dag.order);
  auto keys = memo_keys(program, targets, &plan.meaning);
  plan.steps.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) plan.steps.push_back({i, work_of(program.steps[i]), std::move(keys[i])});
  return plan;
}

}  // namespace bfl::plan
