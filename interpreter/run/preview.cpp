// What `bfl plan` measures: decisions, counts and sample rows, all by reading.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/meeting_rows.h"
#include "interpreter/run/plan_keeper.h"
#include "interpreter/run/preview.h"

namespace bfl::run {
namespace {

constexpr std::size_t samples = 5;
constexpr std::int64_t most_recomputed = 100'000;

struct Look {
  const program::Program& job;     // what is written
  const program::Program& program; // what is computed
  const program::Step& step;
  connect::Connector& target;      // that computes
  const eval::Context evaluation;

  // Every row that would change: some are shown, evenly spread from the first to the last, and all are summed up.
  Result<void> look_through(const lower::IntentSet& sql, const lower::Statement& later, Preview& preview) {
    auto select = target.prepare(sql.select, evaluation);
    if (!select) return select.error();
    std::unique_ptr<connect::Prepared> recompute;
    if (!later.text.empty()) {
      auto prepared = target.prepare(later, evaluation);
      if (!prepared) return prepared.error();
      recompute = std::move(*prepared);
    }
    const Table& table = program.table(step.target);
    const lower::Intent& intent = sql.intent;
    const std::size_t image = intent.key + (intent.flag ? 1 : 0), values = image + intent.image;
    const std::int64_t most = static_cast<std::int64_t>(samples), rows = preview.would_change;
    const auto shown_at = [&](std::int64_t number) { return most >= rows ? number : number * (rows - 1) / (most - 1); };
    // Values that are asked for row by row take too long for very many.
    const bool all = !recompute || rows <= most_recomputed;
    std::vector<Summing> sums;
    for (std::size_t i = 0; all && i < step.assignments.size(); ++i) sums.emplace_back(column_of(i));
    std::int64_t at = 0;
    Result<void> sound;
    auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
      const bool shows = preview.sample.size() < samples && at == shown_at(static_cast<std::int64_t>(preview.sample.size()));
      ++at;
      if (!shows && !all) return true;
      std::vector<Result<Value>> then(step.assignments.size(), Result<Value>(Value()));
      const auto take = [&](connect::RawRow given) {
        for (std::size_t i = 0; i < then.size(); ++i) then[i] = target.decode(given[i], lower::wire_of(column_of(i)));
        return false;
      };
      if (recompute) sound = recompute->query_raw(row.first(intent.key), take);
      else take(row.subspan(values));
      const bool there = intent.image > 0 && (!intent.flag || row[intent.key].integer != 0);
      std::vector<Result<Value>> before;
      for (std::size_t i = 0; there && i < step.assignments.size(); ++i) {
        const auto column = static_cast<std::size_t>(step.assignments[i].column);
        before.push_back(target.decode(row[image + column], sql.select.columns[image + column]));
      }
      // What cannot be read plays no part in a sum.
      for (std::size_t i = 0; i < sums.size(); ++i) {
        std::optional<Value> was;
        if (there && before[i]) was = *before[i];
        if (then[i] && was.has_value() == there) sums[i].add(was, *then[i]);
      }
      if (!shows) return bool(sound);
      std::string line;
      for (std::size_t i = 0; i < intent.key; ++i)
        line += fmt::format("{}{} {}", i ? ", " : "", key_name(table, i), hides_key(i) ? unshown : shown(target.decode(row[i], sql.select.columns[i])));
      if (then.empty()) line += " goes";
      const char* between = there ? ": " : " is added: ";
      for (std::size_t i = 0; i < then.size(); ++i)
        line += fmt::format("{}{} {}{}", std::exchange(between, ", "), column_of(i).name, there ? shown(column_of(i), before[i]) + " -> " : "", shown(column_of(i), then[i]));
      preview.sample.push_back(std::move(line));
      return sound && (all || preview.sample.size() < samples);
    });
    for (Summing& sum : sums) preview.columns.push_back(sum.finish());
    return read ? sound : read;
  }

  const Column& column_of(std::size_t assignment) const { return program.table(step.target).columns[static_cast<std::size_t>(step.assignments[assignment].column)]; }

  std::string key_name(const Table& table, std::size_t i) const {
    if (!step.once_per.empty()) return program::to_string(*step.once_per[i], program);
    return step.walk.empty() ? "rowid" : table.columns[static_cast<std::size_t>(step.walk[i])].name;
  }

  bool hides_key(std::size_t i) const {
    if (!step.once_per.empty()) return check::Tells(program, step.relation.get())(*step.once_per[i]);
    return i < step.walk.size() && program.table(step.target).columns[static_cast<std::size_t>(step.walk[i])].sensitive;
  }

  // What a snapshot would hold, for the steps that read it: in front of what was kept before, on this connection only; or
  // beside, where the database has no tables for so long.
  Result<void> keep(Preview& preview, const std::vector<connect::Connector*>& targets, KeptAside& aside) const {
    const bool here = computed_where_kept(program, step);
    const lower::KeptTable sql = lower::kept_table(program, step.target, step.relation.get(), true, lower::Dialect::sqlite);
    RowSpool rows;
    if (!here) {
      auto given = rows_to_keep(program, step, targets, evaluation, aside);
      if (!given) return given.error();
      rows = std::move(*given);
      preview.would_change = rows.rows();
    }
    preview.sql.push_back(here ? sql.fill.text : shown_select());
    if (step.through) return {};
    if (!holds_tables()) {
      aside[step.target] = std::move(rows);
      return {};
    }
    if (auto made = make(sql); !made) return made;
    auto fill = target.prepare(here ? sql.fill : sql.add, evaluation);
    if (!fill) return fill.error();
    Result<void> sound;
    auto read = rows.each([&](connect::RawRow row) {
      if (auto added = (*fill)->run_raw(row); !added) sound = added.error();
      return bool(sound);
    });
    if (!read || !sound) return sound ? read : sound;
    if (!here) return {};
    auto filled = (*fill)->run_raw({});
    if (!filled) return filled.error();
    preview.would_change = *filled;
    return {};
  }
  Result<void> keep_nothing(KeptAside& aside) const {
    for (const program::Effect& effect : step.effects) {
      if (!holds_tables()) aside[effect.table];
      else if (auto made = make(lower::kept_table(program, effect.table, nullptr, true, lower::Dialect::sqlite)); !made) return made;
    }
    return {};
  }
  bool holds_tables() const { return target.engine() == "sqlite"; }
  std::string shown_select() const {
    const Arrangement arrangement = arrange(program, step);
    return lower::kept_table(arrangement.program(), step.target, step.relation.get(), true, lower::Dialect::sqlite).select.text;
  }
  Result<void> make(const lower::KeptTable& sql) const {
    if (auto made = target.execute(sql.create); !made) return made;
    for (const std::string& index : sql.indexes)
      if (auto made = target.execute(index); !made) return made;
    return {};
  }

  Result<void> write(const plan::StepPlan& step_plan, Preview& preview) {
    const lower::Dialect computing = lower::dialect_of(target.engine()), writing = lower::dialect_of(job.catalogues[static_cast<std::size_t>(step.target.source)]);
    auto sealed = lower::intents(program, step, computing, false);
    if (!sealed) return sealed.error();
    auto later = computing == writing ? lower::recompute(program, step, computing) : lower::Statement{};
    if (!later) return later.error();
    if (step_plan.work == plan::WorkKind::direct_write) {
      auto change = lower::direct_change(job, step, writing);
      if (!change) return change.error();
      preview.sql.push_back(change->text);
      preview.accesses = accesses(target, program, step.target.source, *change, evaluation);
    } else {
      const lower::Hand hand = lower::hands(job, step, writing).own;
      for (const lower::Statement* statement : std::initializer_list<const lower::Statement*>{&sealed->own.select, &hand.add, &hand.change, &hand.remove})
        if (!statement->text.empty()) preview.sql.push_back(statement->text);
    }
    if (preview.accesses.empty()) preview.accesses = accesses(target, program, step.target.source, sealed->own.select, evaluation);
    auto count = one_number(target, sealed->own.probe, evaluation);
    if (!count) return count.error();
    preview.would_change = *count;
    if (*count == 0) return {};
    if (auto looked = look_through(sealed->own, *later, preview); !looked) return looked;
    if (step.idempotence != program::Idempotence::guarded) return {};
    auto proof = prove(program, step, target, evaluation);
    if (!proof) return proof.error();
    preview.proof = proof->broken.empty() ? fmt::format("applied twice to {} of its rows: the second time changes nothing", proof->rows)
                                          : proof->broken;
    return {};
  }
};

}  // namespace

std::vector<Preview> preview(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                             Clock& clock, Diagnostics& diagnostics, PlanKeeper* keeper) {
  std::vector<std::vector<ledger::Generation>> generations;
  std::vector<Timestamp> clocks;
  const Timestamp now = clock.now();
  std::optional<Timestamp> begun;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (program.catalogues[i].read_only) {
      generations.emplace_back();
      clocks.push_back(now);
      continue;
    }
    auto list = ledger::generations(*targets[i], program.job);
    auto frozen = ledger::frozen_clock(*targets[i], program.job);
    if (!list || !frozen) {
      const Error& error = list ? frozen.error() : list.error();
      diagnostics.error(Code::database_error, program.job_span, error.message, error.help);
      return {};
    }
    generations.push_back(std::move(*list));
    if (*frozen && (!begun || **frozen < *begun)) begun = **frozen;
    clocks.push_back(frozen->value_or(now));
  }
  KeptAside aside;
  std::map<program::TableRef, std::string> unanswered;  // kept tables, by the program that gives a part of them
  std::vector<Preview> all(program.steps.size());
  std::vector<Decision> decisions = decide(program, plan, generations);
  if (keeper) {  // one now() for all of it, as a run has
    keeper->clock = begun.value_or(now);
    clocks.assign(clocks.size(), keeper->clock);
    keeper->take_stock(program, plan, decisions, diagnostics);
  }
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const program::Step& step = program.steps[i];
    all[i].decision = std::move(decisions[i]);
    const Arrangement arrangement = arrange(program, step);
    if (program::only_asserts(step.kind)) {
      for (const program::Assertion& assertion : step.assertions) {
        auto statement = lower::scalar_in(arrangement.program(), assertion.condition, arrangement.dialect());
        if (statement) all[i].sql.push_back(std::move(statement->text));
        else diagnostics.error(Code::not_supported, assertion.span, statement.error().message, statement.error().help);
      }
      all[i].shipped = shown(arrangement);
      continue;
    }
    if (all[i].decision.kind == DecisionKind::reuse) continue;
    if (const auto waits = std::find_if(step.reads.begin(), step.reads.end(), [&](const auto& use) { return unanswered.contains(use.table); }); waits != step.reads.end()) {
      const std::string program_name = unanswered.at(waits->table);
      all[i].unknown = fmt::format("known once `{}` has answered", program_name);
      if (plan.steps[i].work == plan::WorkKind::keep) unanswered[step.target] = program_name;
      for (const program::Effect& effect : step.effects) unanswered[effect.table] = program_name;
      continue;
    }
    if (step.through) unanswered[step.target] = step.through->program->name;
    const auto source = static_cast<std::size_t>(step.target.source);
    if (step.sql) {  // what it would change is not known before it runs
      all[i].sql.push_back(lower::raw_step(program, step, lower::dialect_of(program.catalogues[source])).change.text);
      auto done = step.done_when ? holds(program, step, step.done_when, targets, {clocks[source]}) : Result<bool>(false);
      if (done && *done) all[i].would_change = 0;
      if (!done) diagnostics.error(code_of(done.error()), step.name_span, fmt::format("step `{}`: {}", step.name, discreet(program, step, done.error()).message), done.error().help);
      if (keeper && keeper->holds(i)) {
        auto applies = step.when ? holds(program, step, step.when, targets, {clocks[source]}) : Result<bool>(true);
        if (!applies) diagnostics.error(code_of(applies.error()), step.name_span, fmt::format("step `{}`: {}", step.name, discreet(program, step, applies.error()).message), applies.error().help);
        if (!applies || !*applies) keeper->leave_out(i);
        else if (all[i].would_change != 0) all[i].unknown = "changes what this statement changes: not known before it runs";
      }
      continue;
    }
    all[i].table_rows = program.table(step.target).estimated_rows.value_or(-1);
    PlanKeeper* held = keeper && keeper->holds(i) ? keeper : nullptr;
    if (held && step.when) {
      auto wanted = holds(program, step, step.when, targets, {clocks[source]});
      if (!wanted) diagnostics.error(code_of(wanted.error()), step.name_span, fmt::format("step `{}`: {}", step.name, discreet(program, step, wanted.error()).message), wanted.error().help);
      if (!wanted || !*wanted) {
        held->leave_out(i);
        held = nullptr;
      }
    }
    const Look here{program, program, step, *targets[source], {clocks[source]}};
    Result<void> looked;
    bool refused = false;  // rows come under one key, which no quarantine is for
    if (plan.steps[i].work == plan::WorkKind::keep) {
      looked = here.keep(all[i], targets, aside);
      if (looked && held) looked = aside.contains(step.target) ? held->keep_rows(i, aside.at(step.target)) : held->keep_table(i, *targets[source], program.table(step.target));
      if (!looked)
        looked = with_row(program, step, targets, {clocks[source]}, looked.error(), [&](const program::Program& naming) -> Result<std::vector<lower::Statement>> {
          return std::vector<lower::Statement>{lower::select(naming, *step.relation, lower::Dialect::sqlite)};
        }, aside);
      all[i].shipped = shown(arrangement);
    } else {
      std::optional<MeetingRows> meeting;
      if (program::adds_rows(step.kind)) meeting.emplace(program, step);
      auto bench = Workbench::open(program, step, targets, {clocks[source]}, aside);
      if (!bench) looked = bench.error();
      if (bench) {
        all[i].shipped = shown((*bench)->arrangement());
        all[i].shipped_rows = (*bench)->shipped_rows();
        looked = Look{program, (*bench)->program(), step, (*bench)->engine(), {clocks[source]}}.write(plan.steps[i], all[i]);
        if (looked && (held || (meeting && meeting->looks() && all[i].would_change > 0))) {
          Spool rows;
          looked = collect({program, step, *targets[source], {clocks[source]}}, **bench, rows, meeting ? &*meeting : nullptr);
          if (looked && meeting && meeting->looks()) all[i].would_change = rows.rows();
          if (looked && held) looked = held->keep(i, rows);
        }
        bench->reset();
        refused = meeting && meeting->refused();
        if (refused)
          looked = meeting->error(targets, {clocks[source]}, lower::hands(program, step, lower::dialect_of(program.catalogues[source])));
        else if (!looked && program::changes_rows(step.kind))
          looked = with_row(program, step, targets, {clocks[source]}, looked.error(), [&](const program::Program& naming) { return rows_asked(naming, step); }, aside);
      }
      auto measured = looked ? measure(program, step, targets, {clocks[source]}, &aside) : Result<Measured>(Measured());
      if (!measured) looked = measured.error();
      if (measured && meeting)
        for (LeftOut& part : meeting->left_out) add(measured->left_out, std::move(part));
      if (measured && held) held->measured(i, to_text(*measured));
      if (measured) {
        all[i].left_out = std::move(measured->left_out);
        all[i].limits = std::move(measured->limits);
      }
    }
    if (!looked) looked = discreet(program, step, looked.error());
    if (!looked && looked.error().kind == ErrorClass::data && step.quarantine && !refused) {
      all[i].would_change = -1;
      all[i].unknown = fmt::format("not known, for a row that would go into quarantine: {}", looked.error().message);
      looked = {};
    }
    if (looked) looked = here.keep_nothing(aside);
    if (!looked) {
      Diagnostic& diagnostic = diagnostics.error(code_of(looked.error()), step.name_span,
                                                 fmt::format("step `{}`: {}", step.name, looked.error().message), help_of(looked.error()));
      if (!looked.error().row.empty()) diagnostic.notes.push_back("at the row with " + looked.error().row);
      if (!looked.error().detail.empty()) diagnostic.notes.push_back(looked.error().detail);
    }
  }
  return all;
}

}  // namespace bfl::run
