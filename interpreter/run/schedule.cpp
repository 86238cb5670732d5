#include "interpreter/run/schedule.h"

#include <algorithm>

namespace bfl::run {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);
constexpr std::size_t most_looked_at = 256;  // steps that wait, on the search for one that need not

bool meet(const std::set<std::string>& a, const std::set<std::string>& b) {
  if (b.size() < a.size()) return meet(b, a);
  return std::any_of(a.begin(), a.end(), [&](const std::string& name) { return b.contains(name); });
}

}  // namespace

bool Footprint::clashes(const Footprint& other) const {
  return alone || other.alone || meet(writes, other.writes) || meet(writes, other.reads) || meet(reads, other.writes);
}

void Footprint::add(const Footprint& other) {
  alone = alone || other.alone;
  reads.insert(other.reads.begin(), other.reads.end());
  writes.insert(other.writes.begin(), other.writes.end());
}

Footprint footprint_of(const program::Program& program, const program::Step& step) {
  Footprint made;
  const auto on_server = [&](int source) { return source < 0 || program.catalogues[static_cast<std::size_t>(source)].engine == "postgres"; };
  const auto touch = [&](program::TableRef ref, bool written) {
    const Table& table = program.table(ref);
    // Behind a view, a table with children or a relation of SQL lie tables that the step does not name; a trigger may look at any.
    made.alone = made.alone || !on_server(ref.source) || table.view || table.virtual_table || table.inherited || table.partitioned || table.query >= 0 || (written && !table.triggers.empty());
    (written ? made.writes : made.reads).insert(table.schema + "." + (table.relation.empty() ? table.name : table.relation));
  };
  for (const program::ColumnUse& use : step.reads) touch(use.table, false);
  for (const program::ColumnUse& use : step.writes) touch(use.table, true);
  if (program::changes_rows(step.kind)) touch(step.target, true);
  for (const program::TableRef ref : step.cascades) touch(ref, true);
  made.alone = made.alone || step.kind == program::StepKind::snapshot || step.sql || step.through || step.rollout || !on_server(step.keeper);
  // Whether it would change a row again is known at the end of its walk alone, while nobody else commits.
  made.alone = made.alone || (step.route == program::Route::direct && step.idempotence == program::Idempotence::guarded && !step.row_local);
  // Where the ledger of none lies they are evaluated over the first source.
  made.alone = made.alone || (step.keeper < 0 && !program.catalogues.empty() && !on_server(0));
  for (const auto& expected : step.expectations) made.alone = made.alone || expected.of;
  for (const auto* pace : {&program.pace, &step.pace})
    for (const program::PaceRule& rule : *pace ? (*pace)->rules : std::vector<program::PaceRule>()) made.alone = made.alone || !on_server(rule.source);
  return made;
}

Schedule::Schedule(const program::Program& program, const plan::Plan& plan, const Which& wanted, const Which& idle)
    : program_(program), plan_(plan), waits_(program.steps.size()), state_(program.steps.size()), missing_(program.steps.size()), guard_(program.steps.size(), none), footprints_(program.steps.size()) {
  for (const plan::Edge& edge : plan.edges) waits_[edge.to].push_back(&edge);
  for (std::size_t i = 0; i < state_.size(); ++i) {
    if (!wanted(i)) state_[i] = State::ended;
    if (idle && idle(i)) footprints_[i].emplace();
  }
}

std::optional<std::size_t> Schedule::waits_for(std::size_t step) {
  const bool check = program_.steps[step].kind == program::StepKind::check;
  std::size_t failed = none;
  for (const plan::Edge* edge : waits_[step]) {
    if (check && guard_[step] == none) guard_[step] = guard_[edge->from];
    // A check behind a failed one is evaluated all the same: whoever reads the report sees all that fail.
    if (check && edge->reason == plan::EdgeReason::guarded) continue;
    if (failed == none && missing_[edge->from]) failed = edge->from;
    if (failed == none && !check && !program_.steps[step].writes.empty()) failed = guard_[edge->from];
  }
  return failed == none ? std::nullopt : std::optional(failed);
}

const Footprint& Schedule::footprint(std::size_t step) {
  if (!footprints_[step]) footprints_[step] = footprint_of(program_, program_.steps[step]);
  return *footprints_[step];
}

std::optional<Schedule::Next> Schedule::next(const std::function<bool(const program::Step&)>& room) {
  Footprint before;
  std::size_t waiting = 0;
  for (std::size_t at = first_; at < plan_.order.size() && waiting < most_looked_at; ++at) {
    const std::size_t step = plan_.order[at];
    if (state_[step] == State::ended) {
      if (at == first_) ++first_;
      continue;
    }
    if (under_way_ == 0) return Next{step, waits_for(step), !room || footprint(step).alone};
    const bool hangs = std::any_of(waits_[step].begin(), waits_[step].end(), [&](const plan::Edge* edge) { return state_[edge->from] != State::ended; });
    const bool may = state_[step] == State::open && !hangs && !before.clashes(footprint(step)) && !footprint(step).alone;
    if (may) {
      if (auto failed = waits_for(step)) return Next{step, failed, false};
      if (room(program_.steps[step])) return Next{step, std::nullopt, false};
    }
    if (footprint(step).alone) return std::nullopt;  // those behind it wait for it
    before.add(footprint(step));
    if (state_[step] == State::open) ++waiting;
  }
  return std::nullopt;
}

void Schedule::begin(std::size_t step) {
  state_[step] = State::under_way;
  ++under_way_;
}

void Schedule::put_back(std::size_t step) {
  state_[step] = State::open;
  --under_way_;
}

void Schedule::end(std::size_t step, bool missing) {
  if (state_[step] == State::under_way) --under_way_;
  state_[step] = State::ended;
  missing_[step] = missing;
  if (missing && program_.steps[step].kind == program::StepKind::check && guard_[step] == none) guard_[step] = step;
}

}  // namespace bfl::run
