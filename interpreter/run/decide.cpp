#include "interpreter/run/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

namespace bfl::run {
namespace {

using ledger::Generation;
using ledger::StepState;
using Generations = std::vector<const Generation*>;  // of one step, oldest first

// `unfinished`: what only an unfinished generation hangs on (the walk) counts too.
std::vector<std::string> differing(const plan::MemoKey& key, const Generation& generation, bool unfinished) {
  std::vector<std::string> names;
  for (const plan::KeyComponent& component : key.components) {
    if (component.resumes_only && !unfinished) continue;
    const auto stored = std::find_if(generation.components.begin(), generation.components.end(), [&](const auto& part) { return part.first == component.name; });
    const bool same = stored != generation.components.end() && !component.digest.empty() && stored->second == component.digest;
    if (!same) names.push_back(component.name);
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "the memo key";  // components that this version does not know
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) out += fmt::format("{}`{}`", i == 0 ? "" : i + 1 == names.size() ? " and " : ", ", names[i]);
  return out;
}

std::string counted(std::int64_t number, std::string_view what) { return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s"); }

// A key with a part that could not be computed equals nothing.
bool same_key(const plan::MemoKey& key, const Generation& generation) { return !key.digest.empty() && key.digest == generation.memo_key; }

// The step whose rows this generation has put back; empty: it is no undo.
std::string_view undone_step(const Generation& generation) {
  constexpr std::string_view undo = "undo ";
  const std::string_view name = generation.step;
  return generation.route == "undo" && name.starts_with(undo) ? name.substr(undo.size()) : std::string_view();
}

// Rows of the step that were put back since its newest application: of a part of it, or of an older one.
std::int64_t put_back_since(const Generation& newest, const Generations& undos) {
  std::int64_t rows = 0;
  for (const Generation* undo : undos)
    if (undo->state == StepState::done && undo->id > newest.id) rows += undo->changed;
  return rows;
}

Decision decide(const program::Step& step, const plan::MemoKey& key, const Generations& generations, const Generations& undos) {
  Decision decision;
  const bool once = step.idempotence == program::Idempotence::once;
  const Generation *newest = nullptr, *undone = nullptr;
  std::int64_t highest = 0;
  for (const Generation* generation : generations) {
    highest = std::max(highest, generation->number);
    (generation->state == StepState::undone ? undone : newest) = generation;
  }
  decision.generation = highest + 1;
  if (step.kind == program::StepKind::verify) {
    decision.why = "proves the end state on every run";
    return decision;
  }
  if (!newest) {
    decision.why = undone ? fmt::format("generation {} was undone", undone->number) : "first run";
    if (once) decision.why += "; the ledger makes each row change once";
    return decision;
  }
  const std::string since = fmt::format("generation {}", newest->number);

  if (newest->state == StepState::done) {
    const std::int64_t back = put_back_since(*newest, undos);
    const std::string since_then = fmt::format("{} {} put back by an undo", counted(back, "row"), back == 1 ? "was" : "were");
    if (same_key(key, *newest) && back > 0 && !step.sql && step.idempotence != program::Idempotence::staged) {
      decision.undone_in_part = true;
      decision.why = since_then;
      return decision;
    }
    if (same_key(key, *newest)) {
      decision.kind = DecisionKind::reuse;
      decision.generation = newest->number;
      if (back > 0) decision.why = fmt::format("finished as {}, and {} since; `--again {}` applies it anew to all rows", since, since_then, step.name);
      else decision.why = step.kind == program::StepKind::check ? "passed before, and nothing of it changed" : fmt::format("finished as {}, and nothing of it changed", since);
      return decision;
    }
    decision.changed = differing(key, *newest, false);
    if (once && step.sql) {  // no row tells that the statement has been there
      decision.kind = DecisionKind::stop;
      decision.generation = newest->number;
      decision.why = fmt::format("{} changed since {}", listed(decision.changed), since);
      return decision;
    }
    decision.why = fmt::format("{} changed since {}", listed(decision.changed), since);
    if (once) decision.why += "; rows that it has changed are left out";
    return decision;
  }
  if (newest->state == StepState::staging) {  // no row was changed, and what was collected does not exist
    decision.why = "it stopped before its rows were sealed: they are collected again";
    return decision;
  }

  decision.changed = differing(key, *newest, true);
  if (same_key(key, *newest) && decision.changed.empty()) {
    decision.kind = DecisionKind::resume;
    decision.generation = newest->number;
    decision.why = newest->next_seq > 0 ? fmt::format("goes on after {}", counted(newest->next_seq, "chunk")) : "goes on from the start: no chunk was committed";
    return decision;
  }
  if (newest->changed > 0) {
    decision.kind = DecisionKind::stop;
    decision.acceptable = std::none_of(key.components.begin(), key.components.end(), [&](const plan::KeyComponent& component) {
      return component.resumes_only && std::find(decision.changed.begin(), decision.changed.end(), component.name) != decision.changed.end();
    });
    decision.generation = newest->number;
    decision.why = fmt::format("{} changed after {}, unfinished, had changed {}", listed(decision.changed), since, counted(newest->changed, "row"));
    return decision;
  }
  decision.why = fmt::format("{} changed since {}, which had changed no row", listed(decision.changed), since);
  return decision;
}

}  // namespace

Decision decide(const program::Step& step, const plan::StepPlan& step_plan, const std::vector<Generation>& generations) {
  Generations own, undos;
  for (const Generation& generation : generations)
    if (generation.step == step.name) own.push_back(&generation);
    else if (undone_step(generation) == step.name) undos.push_back(&generation);
  return decide(step, step_plan.key, own, undos);
}

std::vector<Decision> decide(const program::Program& program, const plan::Plan& plan, const std::vector<std::vector<Generation>>& generations) {
  std::vector<std::unordered_map<std::string_view, Generations>> by_step(generations.size()), undos_of(generations.size());
  for (std::size_t source = 0; source < generations.size(); ++source)
    for (const Generation& generation : generations[source]) {
      by_step[source][generation.step].push_back(&generation);
      if (const std::string_view undone = undone_step(generation); !undone.empty()) undos_of[source][undone].push_back(&generation);
    }
  std::vector<Decision> decisions;
  decisions.reserve(plan.steps.size());
  static const Generations none;
  for (const plan::StepPlan& step_plan : plan.steps) {
    const program::Step& step = program.steps[step_plan.step];
    const Generations *own = &none, *undos = &none;
    if (step.keeper >= 0) {
      const auto& taken_back = undos_of[static_cast<std::size_t>(step.keeper)];
      if (const auto found = taken_back.find(step.name); found != taken_back.end()) undos = &found->second;
      const auto& kept = by_step[static_cast<std::size_t>(step.keeper)];
      if (const auto found = kept.find(step.name); found != kept.end()) own = &found->second;
    }
    decisions.push_back(decide(step, step_plan.key, *own, *undos));
  }
  renew(program, generations, decisions);
  return decisions;
}

void renew(const program::Program& program, const std::vector<std::vector<Generation>>& generations, std::vector<Decision>& decisions) {
  std::map<program::TableRef, std::size_t> kept_by;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    if (program.steps[i].kind == program::StepKind::snapshot) kept_by.emplace(program.steps[i].target, i);
    for (const program::Effect& effect : program.steps[i].effects) kept_by.emplace(effect.table, i);
  }
  if (kept_by.empty()) return;
  std::unordered_map<std::string_view, std::int64_t> ids;
  for (const auto& list : generations)
    for (const Generation& generation : list) ids[generation.step] = std::max(ids[generation.step], generation.id);
  const auto newest = [&](std::size_t step) { return ids[program.steps[step].name]; };
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i].kind != DecisionKind::reuse) continue;
    for (const program::ColumnUse& use : program.steps[i].reads) {
      const auto kept = kept_by.find(use.table);
      if (use.column >= 0 || kept == kept_by.end() || kept->second >= i) continue;
      const bool one_ledger = program.steps[kept->second].keeper == program.steps[i].keeper;
      if (decisions[kept->second].kind == DecisionKind::reuse && (!one_ledger || newest(kept->second) <= newest(i))) continue;
      decisions[i].kind = DecisionKind::run;
      ++decisions[i].generation;
      decisions[i].why = fmt::format("`{}` is kept anew", program.shown(use.table));
      break;
    }
  }
}

}  // namespace bfl::run
