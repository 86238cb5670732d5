#include "interpreter/run/tries.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "interpreter/ledger/quarantine.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {

using program::Step;

namespace {

// What fails there must not end the transaction in which the copies lie.
Result<Restraints> looked_up(connect::Connector& target, const program::Program& program, const Step& step) {
  const bool saves = is_postgres(target) && target.in_transaction();
  if (saves)
    if (auto saved = target.execute("SAVEPOINT bfl_look"); !saved) return saved.error();
  auto found = restraints_of(target, program, step);
  if (saves)
    if (auto ended = target.execute(found ? "RELEASE SAVEPOINT bfl_look" : "ROLLBACK TO SAVEPOINT bfl_look; RELEASE SAVEPOINT bfl_look"); !ended) return ended.error();
  return found;
}

}  // namespace

std::set<program::TableRef> Tries::tables(const program::Program& program, const std::vector<Decision>& decisions) {
  std::set<program::TableRef> all;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    if (program::changes_rows(step.kind) && !step.sql && decisions[i].kind != DecisionKind::reuse && program.table(step.target).kept.empty()) all.insert(step.target);
  }
  return all;
}

Result<void> Tries::wait(std::size_t index, Preview& preview, const ledger::Generation* open) {
  waiting_.clear();
  if (!open || open->quarantined == 0) return {};
  preview.set_aside_before = open->quarantined;
  auto before = ledger::set_aside(*targets_[static_cast<std::size_t>(program_.steps[index].target.source)], open->id);
  if (!before) return before.error();
  for (const ledger::Quarantined& row : *before) waiting_.insert(ledger::encode(row.key));
  return {};
}

// An earlier step changes what the reference looks at in the other table.
bool Tries::is_unseen(const Reference& reference, program::TableRef target) const {
  const auto& [other, columns] = reference.refers ? std::tie(reference.key.parent, reference.key.parent_columns) : std::tie(reference.key.table, reference.key.columns);
  return std::any_of(unseen_.begin(), unseen_.end(), [&](const program::ColumnUse& use) {
    const Table& table = program_.table(use.table);
    if (use.table.source != target.source || table.name != other) return false;
    return use.column < 0 || std::find(columns.begin(), columns.end(), table.columns[static_cast<std::size_t>(use.column)].name) != columns.end();
  });
}

void Tries::begin(std::size_t index, Preview& preview) {
  const Step& step = program_.steps[index];
  connect::Connector& target = *targets_[static_cast<std::size_t>(step.target.source)];
  restraints_ = Restraints{};
  stale_ = false;
  passes_.emplace(PassedOver{restraints_.references, waiting_, preview.refusals});
  if (preview.would_change <= 0) return;
  auto found = looked_up(target, program_, step);
  if (found) restraints_ = std::move(*found);
  else restraints_.untried.push_back(fmt::format("what its database asks of the rows cannot be read: {}", found.error().message));
  std::vector<std::string>& untried = preview.refusals.untried;
  untried = std::move(restraints_.untried);
  std::erase_if(restraints_.references, [&](const Reference& reference) {
    const bool unseen = is_unseen(reference, step.target);
    if (unseen) untried.push_back(fmt::format("`{}` refers to `{}`, and a step before this one changes `{}`", reference.key.table, reference.key.parent, reference.refers ? reference.key.parent : reference.key.table));
    return unseen;
  });
  const Table& table = program_.table(step.target);
  stale_ = !found || std::any_of(unseen_.begin(), unseen_.end(), [&](const program::ColumnUse& use) {
    return use.table == step.target && restraints_.asks.contains(use.column < 0 ? std::string() : table.columns[static_cast<std::size_t>(use.column)].name);
  });
  if (stale_ && found) untried.push_back(fmt::format("a step before this one changes `{}`, and constraints on its rows look at that, too", table.name));
  if (stale_) restraints_ = Restraints{};
  passes_->only_waiting = stale_;
  if (restraints_.any() && !preview.before.empty()) untried.push_back(fmt::format("its rows are looked at as if `{}` had changed nothing", preview.before.front()));
}

bool Tries::wants_rows(const Preview& preview) const {
  return restraints_.any() && preview.before.empty() && preview.would_change <= most_rows;
}

// What rows would be that were computed without the steps before is not known.
bool Tries::may_pass(const Preview& preview) { return preview.before.empty(); }

void Tries::try_out(std::size_t index, Preview& preview, Spool& rows, const eval::Context& evaluation) {
  if (!restraints_.any()) return;
  const Step& step = program_.steps[index];
  const bool postgres = targets_[static_cast<std::size_t>(step.target.source)]->engine() == "postgres", placed = program::writes_anchor(step.kind) && step.walk.empty();
  if (!wants_rows(preview)) {
    if (preview.before.empty() && preview.would_change > most_rows) preview.refusals.untried.push_back(fmt::format("{} rows, and {} are the most that are tried", preview.would_change, most_rows));
    return;
  }
  if (rows.rows() == 0) return preview.refusals.untried.push_back("its rows were not collected");
  if (placed && postgres) return preview.refusals.untried.push_back("its rows are known by their places alone");
  const bool itself = std::any_of(restraints_.references.begin(), restraints_.references.end(), [](const Reference& reference) { return reference.key.table == reference.key.parent; });
  auto tried = stand_ins_.try_out(step, rows, evaluation, restraints_.others || itself || placed, *passes_);
  if (!tried) broke_off(index, preview, tried.error());
}

void Tries::broke_off(std::size_t index, Preview& preview, const Error& error) {
  if (!preview.refusals.all) return;
  preview.refusals.untried.push_back(stand_ins_.told(discreet(program_, program_.steps[index], error)).message);
  preview.refusals.all = preview.refusals.rows() == 0;
}

std::optional<Error> Tries::end(std::size_t index, Preview& preview) {
  const Step& step = program_.steps[index];
  Refusals& refusals = preview.refusals;
  preview.would_change -= refusals.waiting;
  for (Refusals::Reason& reason : refusals.reasons) reason.text = stand_ins_.told(discreet(program_, step, Error{ErrorClass::data, reason.text})).message;
  refusals.before_all = step.kind == program::StepKind::remove && refusals.rows() > 0;
  if (refusals.rows() == 0 || (step.quarantine && !refusals.before_all)) return std::nullopt;
  return refusals.first;
}

void Tries::changes(std::size_t index, bool seen) {
  for (const program::ColumnUse& use : program_.steps[index].writes)
    if (program_.table(use.table).kept.empty()) (seen ? seen_ : unseen_).insert(use);
}

void Tries::forget(int source) {
  std::erase_if(seen_, [&](const program::ColumnUse& use) { return use.table.source == source && (unseen_.insert(use), true); });
}

}  // namespace bfl::run
