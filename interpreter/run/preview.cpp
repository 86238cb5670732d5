// What `bfl plan` measures, step by step in the order of the plan: each on top of what those before it would change.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/base/secrets.h"
#include "interpreter/run/dependence.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/look.h"
#include "interpreter/run/meeting_rows.h"
#include "interpreter/run/pace.h"
#include "interpreter/run/plan_keeper.h"
#include "interpreter/run/planned.h"
#include "interpreter/run/stand_in.h"
#include "interpreter/run/tries.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using program::Program;
using program::Step;

// The generations of the job in each source, and its now() there.
struct History {
  std::vector<std::vector<ledger::Generation>> generations;
  std::vector<Timestamp> clocks;
  std::vector<std::optional<ledger::Order>> paces;  // as somebody has ordered; what cannot be asked for is none
  std::optional<Timestamp> begun;
};

Result<History> history_of(const Program& program, const std::vector<connect::Connector*>& targets, Timestamp now) {
  History history;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (program.catalogues[i].read_only) {
      history.generations.emplace_back();
      history.clocks.push_back(now);
      history.paces.emplace_back();
      continue;
    }
    auto list = ledger::generations(*targets[i], program.job);
    if (!list) return list.error();
    auto frozen = ledger::frozen_clock(*targets[i], program.job);
    if (!frozen) return frozen.error();
    history.generations.push_back(std::move(*list));
    if (*frozen && (!history.begun || **frozen < *history.begun)) history.begun = **frozen;
    history.clocks.push_back(frozen->value_or(now));
    auto there = ledger::exists(*targets[i]);
    auto orders = there && *there ? ledger::orders(*targets[i], program.job) : Result(std::vector<ledger::Order>());
    history.paces.push_back(orders ? ordered_pace(*orders) : std::nullopt);
  }
  return history;
}

// The lines of a script's own statement, without empty ones before and behind.
std::string without_blank_ends(std::string text) {
  const auto begin = std::min(text.find_first_not_of("\r\n"), text.size()), end = text.find_last_not_of(" \t\r\n");
  return end == std::string::npos || begin > end ? std::string() : text.substr(begin, end + 1 - begin);
}

// The rows of a set, those of other tables that go with them apart.
Result<void> count(const Step& step, Spool& rows, const Program& program, Preview& preview) {
  std::map<std::string, std::int64_t, std::less<>> others;
  preview.would_change = 0;
  auto read = each_planned([&](bool from_start) { return rows.next(from_start); }, [&](const ledger::Record& record) {
    ++(record.table.empty() ? preview.would_change : others[record.table]);
    return true;
  });
  for (const program::TableRef ref : step.cascades)
    if (const auto found = others.find(program.table(ref).name); found != others.end()) preview.with_them.emplace_back(ref, found->second);
  return read;
}

// Those that go with the rows of a step, without collecting them.
Result<void> count_with_them(const Step& step, const Workbench& bench, const eval::Context& evaluation, Preview& preview) {
  auto intents = lower::intents(bench.program(), step, bench.dialect(), true);
  if (!intents) return intents.error();
  for (const program::TableRef ref : step.cascades) {
    for (const lower::CascadeSet& set : intents->cascades) {
      if (set.table != ref) continue;
      lower::Statement counted = set.select;
      counted.text = fmt::format("SELECT count(*) FROM ({}) AS gone", set.select.text);
      counted.columns = {lower::wire_of(Type{Kind::integer})};
      counted.many = false;
      auto rows = one_number(bench.engine(), counted, evaluation);
      if (!rows) return rows.error();
      if (*rows > 0) preview.with_them.emplace_back(ref, *rows);
    }
  }
  return {};
}

class Previewing {
 public:
  Previewing(const Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets, History history, std::vector<Decision> decisions, Diagnostics& diagnostics,
             PlanKeeper* keeper)
      : job_(program), plan_(plan), targets_(targets), history_(std::move(history)), diagnostics_(diagnostics), keeper_(keeper), dependence_(program, plan, decisions),
        // A plan that is kept holds rows as they are now.
        stand_ins_(program, keeper ? std::set<program::TableRef>() : dependence_.tables(), Tries::tables(program, decisions), targets, StandIns::usual()), tries_(program, targets, stand_ins_), all_(program.steps.size()) {
    for (std::size_t i = 0; i < decisions.size(); ++i) all_[i].decision = std::move(decisions[i]);
  }

  std::vector<Preview> run() {
    for (const std::size_t index : plan_.order) {
      const Preview before = all_[index];
      again_ = false;
      look(index);
      if (again_) {
        all_[index] = before;
        look(index);
      }
      for (int source = 0; source < static_cast<int>(targets_.size()); ++source) {
        if (dependence_.looked_at_behind(index, source) && stand_ins_.why_not(source).empty()) continue;
        stand_ins_.end(source);
        tries_.forget(source);
      }
    }
    return std::move(all_);
  }

 private:
  const Program& seen() const { return stand_ins_.program(); }
  bool stands() const { return &seen() != &job_; }
  eval::Context evaluation(int source) const { return {history_.clocks[static_cast<std::size_t>(std::max(source, 0))]}; }

  void look(std::size_t index);
  void look_at_assertions(std::size_t index, const Dependence::Basis& basis);
  void show_statements(std::size_t index);
  void look_at_statement(std::size_t index, const Dependence::Basis& basis);
  Result<void> keep(std::size_t index, PlanKeeper* held);
  Result<void> write(std::size_t index, PlanKeeper* held, Spool& rows, bool& refused);
  void estimate(std::size_t index);
  Result<void> measured(std::size_t index, PlanKeeper* held, std::vector<LeftOut> more);
  Result<bool> apply(std::size_t index, Spool& rows);
  bool at_once(std::size_t index) const;
  const ledger::Generation* newest(std::size_t index) const;
  bool changed_before(std::size_t index) const;
  std::optional<bool> wanted(std::size_t index);
  void name(std::size_t index, const Dependence::Basis& basis);
  void fail(const Step& step, const Error& error);
  // What was applied there is seen no longer.
  void forget(int source) {
    dependence_.forget(source);
    tries_.forget(source);
  }

  const Program& job_;
  const plan::Plan& plan_;
  const std::vector<connect::Connector*>& targets_;
  const History history_;
  Diagnostics& diagnostics_;
  PlanKeeper* keeper_;
  Dependence dependence_;
  StandIns stand_ins_;
  Tries tries_;
  KeptAside aside_{};
  std::vector<Preview> all_;
  bool again_ = false;  // the step under way is looked at once more
};

void Previewing::fail(const Step& step, const Error& given) {
  if (const auto source = stand_ins_.lost()) {
    forget(*source);
    again_ = true;
    return;
  }
  const Error error = stand_ins_.told(discreet(job_, step, given));
  Diagnostic& diagnostic = diagnostics_.error(code_of(error), step.name_span, fmt::format("step `{}`: {}", step.name, error.message), help_of(error));
  if (!error.row.empty()) diagnostic.notes.push_back("at the row with " + error.row);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
}

void Previewing::name(std::size_t index, const Dependence::Basis& basis) {
  Preview& preview = all_[index];
  preview.unknown = basis.unknown;
  if (!basis.unknown.empty()) return;
  constexpr std::size_t most_named = 50;
  for (std::size_t i = 0; i < std::min(most_named, basis.on_top.size()); ++i) preview.on_top.push_back(job_.steps[basis.on_top[i]].name);
  for (std::size_t i = 0; i < std::min(most_named, basis.before.size()); ++i) {
    const Step& step = job_.steps[basis.before[i]];
    preview.before.push_back(step.name);
    if (preview.why_before.empty()) preview.why_before = keeper_ ? "a plan that is kept holds rows as they are now" : stand_ins_.why_not(step.target.source);
  }
  if (preview.why_before.empty() && basis.looks_past && !basis.before.empty()) preview.why_before = "it looks at a view or at a relation of SQL, which sees the tables themselves";
}

// Nothing: that cannot be told, and was said.
std::optional<bool> Previewing::wanted(std::size_t index) {
  const Step& step = job_.steps[index];
  if (!step.when || all_[index].decision.kind != DecisionKind::run) return true;
  auto holds = run::holds(seen(), step, step.when, targets_, evaluation(step.keeper), aside_);
  if (!holds) fail(step, holds.error());
  return holds ? std::optional(*holds) : std::nullopt;
}

void Previewing::look(std::size_t index) {
  const Step& step = job_.steps[index];
  Preview& preview = all_[index];
  const Dependence::Basis basis = dependence_.basis(index);
  if (program::only_asserts(step.kind)) return look_at_assertions(index, basis);
  if (preview.decision.kind == DecisionKind::reuse) return;
  name(index, basis);
  if (step.sql) {
    look_at_statement(index, basis);
    return tries_.changes(index, preview.would_change == 0);
  }
  if (!preview.unknown.empty()) {
    tries_.changes(index, false);
    show_statements(index);
    return dependence_.saw(index, basis, {preview.unknown, true, false});
  }
  PlanKeeper* held = keeper_ && keeper_->holds(index) ? keeper_ : nullptr;
  const bool keeps = plan_.steps[index].work == plan::WorkKind::keep;
  Look here{job_, job_, seen(), step, *targets_[static_cast<std::size_t>(step.target.source)], evaluation(step.target.source)};
  preview.table_rows = job_.table(step.target).estimated_rows.value_or(-1);
  const std::optional<bool> applies = wanted(index);
  if (!applies || !*applies) {
    if (held) held->leave_out(index);
    preview.left_out_whole = applies.has_value();
    if (applies) preview.would_change = 0;
    if (auto kept = here.keep_nothing(aside_); !kept) fail(step, kept.error());
    return dependence_.saw(index, basis, {applies ? "" : fmt::format("known once `{}` has run", step.name), !applies, false});
  }
  Spool rows;
  bool refused = false;  // rows come under one key, which no quarantine is for
  Result<void> looked = keeps ? keep(index, held) : write(index, held, rows, refused);
  const bool sound = bool(looked);
  if (sound) looked = here.keep_nothing(aside_);
  Result<bool> applied = looked && !keeps ? apply(index, rows) : Result<bool>(keeps);
  if (!applied) looked = applied.error();
  Dependence::Seen told{{}, preview.would_change != 0, applied && *applied};
  if (step.through) told.unknown = fmt::format("known once `{}` has answered", step.through->program->name);
  // What was changed and kept before it went on is not in what is seen.
  if (preview.decision.kind == DecisionKind::resume && !step.effects.empty()) told.unknown = fmt::format("known once `{}` has run", step.name);
  if (!looked && !sound && looked.error().kind == ErrorClass::data && step.quarantine && !refused) {
    preview.would_change = -1;
    preview.unknown = "not known, for a row that would go into quarantine: " + stand_ins_.told(discreet(job_, step, looked.error())).message;
    told = {fmt::format("known once `{}` has run", step.name), true, false};
    looked = here.keep_nothing(aside_);
  }
  if (!keeps && preview.would_change != 0) tries_.changes(index, applied && *applied);
  if (looked && !keeps)
    if (const auto stops = tries_.end(index, preview)) looked = *stops;
  if (!looked) fail(step, looked.error());
  // What is kept is applied once, whatever a second run would do.
  else if (!preview.proved && !keeper_) diagnostics_.error(Code::not_idempotent, step.name_span, fmt::format("step `{}`: {}", step.name, preview.proof), help_to_guard);
  dependence_.saw(index, basis, std::move(told));
}

void Previewing::look_at_assertions(std::size_t index, const Dependence::Basis& basis) {
  const Step& step = job_.steps[index];
  Preview& preview = all_[index];
  const Arrangement arrangement = arrange(job_, step, aside_);
  for (const program::Assertion& assertion : step.assertions) {
    auto statement = lower::scalar_in(arrangement.program(), assertion.condition, arrangement.dialect());
    if (statement) preview.sql.push_back(std::move(statement->text));
    else diagnostics_.error(Code::not_supported, assertion.span, statement.error().message, statement.error().help);
  }
  preview.shipped = shown(arrangement);
  dependence_.saw(index, basis, {});
  if (preview.decision.kind == DecisionKind::reuse) return;
  name(index, basis);
  // What a step before it leaves would not be looked at.
  if (preview.unknown.empty() && !preview.before.empty()) preview.unknown = fmt::format("known once `{}` has run", preview.before.front());
  if (!preview.unknown.empty()) return;
  auto told = judgements(seen(), step, targets_, evaluation(step.keeper), aside_);
  if (told) preview.judgements = std::move(*told);
  else fail(step, told.error());
}

// What it would change is not known before it runs.
void Previewing::look_at_statement(std::size_t index, const Dependence::Basis& basis) {
  const Step& step = job_.steps[index];
  Preview& preview = all_[index];
  // Whoever approves a plan reads what it is compared by: with the values that are bound.
  preview.sql.push_back(without_blank_ends(keeper_ ? without_secrets(statement_of(job_, step)) : lower::raw_step(job_, step, lower::dialect_of(job_.catalogues[static_cast<std::size_t>(step.target.source)])).change.text));
  if (!preview.unknown.empty()) return dependence_.saw(index, basis, {preview.unknown, true, false});
  const std::optional<bool> applies = wanted(index);
  preview.left_out_whole = applies && !*applies;
  auto done = step.done_when && !preview.left_out_whole ? holds(seen(), step, step.done_when, targets_, evaluation(step.target.source), aside_) : Result<bool>(preview.left_out_whole);
  if (done && *done) preview.would_change = 0;
  if (!done) fail(step, done.error());
  const bool runs = !done || !*done;
  if (keeper_ && keeper_->holds(index)) {
    if (!applies || !*applies) keeper_->leave_out(index);
    else if (runs) preview.unknown = "changes what this statement changes: not known before it runs";
  }
  dependence_.saw(index, basis, {runs ? fmt::format("known once `{}` has run", step.name) : std::string(), runs, false});
}

// Of a step whose rows are not known yet.
void Previewing::show_statements(std::size_t index) {
  const Step& step = job_.steps[index];
  if (!program::changes_rows(step.kind)) return;
  const Arrangement real = arrange(job_, step, aside_);
  connect::Connector& target = *targets_[static_cast<std::size_t>(step.target.source)];
  const bool here = real.home == step.target.source && real.shipments.empty() && (target.engine() == "sqlite" || !target.in_transaction());  // a statement that fails would end it
  all_[index].shipped = shown(real);
  if (auto told = Look{job_, real.program(), real.program(), step, target, evaluation(step.target.source)}.statements(plan_.steps[index], all_[index], real.dialect(), here); !told) fail(step, told.error());
}

Result<void> Previewing::keep(std::size_t index, PlanKeeper* held) {
  const Step& step = job_.steps[index];
  Preview& preview = all_[index];
  connect::Connector& target = *targets_[static_cast<std::size_t>(step.target.source)];
  const Arrangement arrangement = arrange(job_, step);
  preview.shipped = shown(arrangement);
  Result<void> looked = Look{job_, arrangement.program(), seen(), step, target, evaluation(step.target.source)}.keep(preview, targets_, aside_);
  if (looked && held) looked = aside_.contains(step.target) ? held->keep_rows(index, aside_.at(step.target)) : held->keep_table(index, target, job_.table(step.target));
  if (looked) return {};
  return with_row(seen(), step, targets_, evaluation(step.target.source), looked.error(), [&](const Program& naming) -> Result<std::vector<lower::Statement>> {
    return std::vector<lower::Statement>{lower::select(naming, *step.relation, lower::Dialect::sqlite)};
  }, aside_);
}

const ledger::Generation* Previewing::newest(std::size_t index) const {
  const Step& step = job_.steps[index];
  const ledger::Generation* newest = nullptr;
  for (const ledger::Generation& one : history_.generations[static_cast<std::size_t>(step.target.source)])
    if (one.step == step.name && (!newest || one.number > newest->number)) newest = &one;
  return newest;
}

bool Previewing::changed_before(std::size_t index) const {
  const Step& step = job_.steps[index];
  const auto& generations = history_.generations[static_cast<std::size_t>(step.target.source)];
  return all_[index].decision.kind == DecisionKind::resume || std::any_of(generations.begin(), generations.end(), [&](const ledger::Generation& one) { return one.step == step.name && one.changed > 0; });
}

// By one statement, as it would run.
bool Previewing::at_once(std::size_t index) const {
  const Step& step = job_.steps[index];
  return plan_.steps[index].work == plan::WorkKind::direct_write && step.effects.empty() && step.cascades.empty() && !tries_.any() && !tries_.row_by_row() && stand_ins_.takes_at_once(step);
}

Result<void> Previewing::write(std::size_t index, PlanKeeper* held, Spool& rows, bool& refused) {
  const Step& step = job_.steps[index];
  Preview& preview = all_[index];
  connect::Connector& target = *targets_[static_cast<std::size_t>(step.target.source)];
  const eval::Context clock = evaluation(step.target.source);
  const bool applied = dependence_.looked_at(index) && !keeper_ && stand_ins_.may_copy(step.target.source);
  // The place of a row in a copy is another one.
  if (applied && target.engine() == "postgres" && program::writes_anchor(step.kind) && step.walk.empty() && !stand_ins_.copy(step)) forget(step.target.source);
  std::optional<MeetingRows> meeting;
  if (program::adds_rows(step.kind)) meeting.emplace(seen(), step);
  auto bench = Workbench::open(seen(), step, targets_, clock, aside_);
  Result<void> looked = bench ? Result<void>{} : Result<void>{bench.error()};
  if (bench) {
    const Program& computed = (*bench)->program();
    const Arrangement real = stands() ? arrange(job_, step, aside_) : Arrangement{};
    preview.shipped = shown((*bench)->arrangement());
    preview.shipped_rows = (*bench)->shipped_rows();
    looked = Look{job_, stands() ? real.program() : computed, computed, step, (*bench)->engine(), clock}.write(plan_.steps[index], preview);
    if (looked) looked = tries_.begin(index, preview, preview.decision.kind == DecisionKind::resume ? newest(index) : nullptr);
    // Which rows were changed before by this very step only its ledger knows; who comes under one key is seen in the set.
    const bool back = redoes_part(step, preview.decision);
    const bool settled = back || (step.once && changed_before(index)) || !step.once_per.empty() || step.duplicates || step.free_name || (meeting && meeting->looks());
    if (looked && (held || (preview.would_change > 0 && (settled || (applied ? !at_once(index) : tries_.wants_rows(preview)))))) {
      looked = collect({.program = seen(), .step = step, .target = target, .evaluation = clock, .put_back = back}, **bench, rows, meeting ? &*meeting : nullptr);
      if (looked && (settled || !step.cascades.empty())) looked = count(step, rows, job_, preview);
      if (looked && held) looked = held->keep(index, rows);
    } else if (looked && preview.would_change > 0) {
      looked = count_with_them(step, **bench, clock, preview);
    }
    Spool some;
    const auto collected = looked && !keeper_ && preview.would_change >= Trial::least_rows ? collect_some({seen(), step, target, clock}, **bench, some) : Result<double>(0.0);
    bench->reset();
    const bool direct = plan_.steps[index].work == plan::WorkKind::direct_write;
    if (collected && some.rows() > 0) preview.estimate = Estimate{.trial = try_some({job_, step, target, clock}, direct, some)};
    if (collected && preview.estimate && preview.estimate->trial && !direct && program::writes_anchor(step.kind)) preview.estimate->trial->seconds += *collected;  // a set is computed before the first row changes
    refused = meeting && meeting->refused();
    if (refused)
      looked = meeting->error(targets_, clock, lower::hands(seen(), step, lower::dialect_of(job_.catalogues[static_cast<std::size_t>(step.target.source)])));
    else if (!looked)
      looked = with_row(seen(), step, targets_, clock, looked.error(), [&](const Program& naming) { return rows_asked(naming, step); }, aside_);
  }
  if (looked) estimate(index);
  return looked ? measured(index, held, meeting ? std::move(meeting->left_out) : std::vector<LeftOut>()) : looked;
}

void Previewing::estimate(std::size_t index) {
  Preview& preview = all_[index];
  const Step& step = job_.steps[index];
  Estimate made = preview.estimate.value_or(Estimate{});
  made.pace = rate_of(job_, step, history_.paces[static_cast<std::size_t>(step.target.source)]);
  const auto rows = static_cast<double>(preview.would_change);
  const bool sealed_here = plan_.steps[index].work != plan::WorkKind::direct_write && targets_[static_cast<std::size_t>(step.target.source)]->engine() == "sqlite";  // images are a part of what was tried
  if (made.trial) made.seconds = preview.reading + (sealed_here ? 1 : Trial::with_evidence) * rows * made.trial->seconds / static_cast<double>(made.trial->rows);
  if (made.pace > 0) made.seconds = std::max(made.seconds, rows / made.pace);
  preview.estimate = preview.would_change > 0 && (made.trial || made.pace > 0) ? std::optional(made) : std::nullopt;
}

Result<void> Previewing::measured(std::size_t index, PlanKeeper* held, std::vector<LeftOut> more) {
  const Step& step = job_.steps[index];
  auto measured = measure(seen(), step, targets_, evaluation(step.target.source), &aside_);
  if (!measured) return measured.error();
  for (LeftOut& part : more) add(measured->left_out, std::move(part));
  if (held) held->measured(index, to_text(*measured));
  all_[index].left_out = std::move(measured->left_out);
  all_[index].limits = std::move(measured->limits);
  return {};
}

// So that later steps see it. False: they do not. An error: a row that would be refused.
Result<bool> Previewing::apply(std::size_t index, Spool& rows) {
  const Step& step = job_.steps[index];
  if (all_[index].would_change == 0) return false;
  if (!dependence_.looked_at(index) || keeper_) {
    tries_.try_out(index, all_[index], rows, evaluation(step.target.source));
    if (const auto lost = stand_ins_.lost()) forget(*lost), again_ = true;
    return false;
  }
  const int source = step.target.source;
  const eval::Context clock = evaluation(source);
  Result<void> applied;
  const bool copied = stand_ins_.copy(step), at_once = copied && this->at_once(index);
  if (at_once) applied = stand_ins_.apply_at_once(step, clock);
  if (copied && !at_once) {
    const Look here{job_, job_, seen(), step, *targets_[static_cast<std::size_t>(source)], clock};
    auto keeper = here.keeper(aside_);
    applied = keeper ? stand_ins_.apply(step, rows, clock, *keeper, tries_.passes(all_[index])) : Result<void>{keeper.error()};
  }
  if (copied && applied) return true;
  if (!copied) tries_.try_out(index, all_[index], rows, clock);
  for (const program::Effect& effect : step.effects)
    if (aside_.contains(effect.table)) aside_[effect.table] = {};
  // Which rows it is was not asked where it was tried at once: a run may set them aside.
  const bool refuses = !applied && applied.error().kind == ErrorClass::data && tries_.refuses(all_[index]) && !(at_once && step.quarantine);
  if (!applied && !refuses && tries_.passes(all_[index])) tries_.broke_off(index, all_[index], applied.error());
  if (!applied) stand_ins_.give_up(source, fmt::format("what `{}` does cannot be tried: {}", step.name, stand_ins_.told(discreet(job_, step, applied.error())).message));
  forget(source);
  return refuses ? Result<bool>(applied.error()) : Result<bool>(false);
}

}  // namespace

std::vector<Preview> preview(const Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets, Clock& clock, Diagnostics& diagnostics, PlanKeeper* keeper) {
  const Timestamp now = clock.now();
  auto history = history_of(program, targets, now);
  if (!history) {
    diagnostics.error(Code::database_error, program.job_span, history.error().message, history.error().help);
    return {};
  }
  std::vector<Decision> decisions = decide(program, plan, history->generations);
  if (keeper) {  // one now() for all of it, as a run has
    keeper->clock = history->begun.value_or(now);
    history->clocks.assign(history->clocks.size(), keeper->clock);
    keeper->take_stock(program, plan, decisions, diagnostics);
  }
  return Previewing(program, plan, targets, std::move(*history), std::move(decisions), diagnostics, keeper).run();
}

}  // namespace bfl::run
