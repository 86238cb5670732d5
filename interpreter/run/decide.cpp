#include "interpreter/run/decide.h"

#include <fmt/format.h>

namespace bfl::run {
namespace {

std::vector<std::string> differing(const plan::MemoKey& key, const ledger::Generation& generation) {
  std::vector<std::string> names;
  for (const plan::KeyComponent& component : key.components) {
    bool same = false;
    for (const auto& [name, digest] : generation.components) same = same || (name == component.name && digest == component.digest);
    if (!same) names.push_back(component.name);
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) out += fmt::format("{}`{}`", i == 0 ? "" : i + 1 == names.size() ? " and " : ", ", names[i]);
  return out;
}

}  // namespace

Decision decide(const program::Step& step, const plan::StepPlan& step_plan, const std::vector<ledger::Generation>& generations) {
  Decision decision;
  if (step.kind == program::StepKind::verify) {
    decision.why = "a verification is evaluated on every run";
    return decision;
  }
  const ledger::Generation* newest = nullptr;
  std::int64_t highest = 0;
  for (const ledger::Generation& generation : generations) {
    if (generation.step != step.name) continue;
    highest = std::max(highest, generation.number);
    if (generation.state != ledger::StepState::undone) newest = &generation;
  }
  decision.generation = highest + 1;
  if (!newest) {
    decision.why = highest == 0 ? "first run" : "the last application was undone";
    return decision;
  }
  const bool same = newest->memo_key == step_plan.key.digest;
  if (!same) decision.changed = differing(step_plan.key, *newest);
  if (newest->state == ledger::StepState::done) {
    if (same) {
      decision.kind = DecisionKind::reuse;
      decision.generation = newest->number;
      decision.why = "finished with this memo key";
      return decision;
    }
    decision.why = fmt::format("{} changed since generation {}", listed(decision.changed), newest->number);
    if (step.idempotence == program::Idempotence::once) decision.why += "; rows that it changed once are left out";
    return decision;
  }
  // An unfinished application.
  decision.generation = newest->number;
  if (same) {
    decision.kind = DecisionKind::resume;
    decision.why = newest->next_seq > 0 ? fmt::format("resumes after chunk {}", newest->next_seq) : "resumes: no chunk was committed yet";
    return decision;
  }
  if (newest->changed > 0) {
    decision.kind = DecisionKind::stop;
    decision.why = fmt::format("{} changed after {} rows were changed by an unfinished application", listed(decision.changed), newest->changed);
    return decision;
  }
  decision.generation = highest + 1;
  decision.why = fmt::format("{} changed; the unfinished application had changed no row", listed(decision.changed));
  return decision;
}

}  // namespace bfl::run
