// What `bfl plan` measures: decisions, counts and sample rows, all by reading.
#include <fmt/format.h>

#include "interpreter/run/context.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {
namespace {

constexpr std::size_t samples = 5;
constexpr std::size_t shown_length = 60;

std::string shown(const Result<Value>& value) {
  if (!value) return "?";
  std::string text = to_literal(*value);
  if (text.size() > shown_length) text = text.substr(0, shown_length - 1) + "…";
  return text;
}

struct Look {
  const program::Program& program;
  const program::Step& step;
  connect::Connector& target;      // that computes
  const eval::Context evaluation;

  Result<std::int64_t> number(const lower::Statement& statement) {
    auto prepared = target.prepare(statement, evaluation);
    if (!prepared) return prepared.error();
    std::int64_t count = 0;
    auto read = (*prepared)->query_raw({}, [&](connect::RawRow row) {
      count = row[0].integer;
      return false;
    });
    if (!read) return read.error();
    return count;
  }

  // Rows evenly spread over those that would change.
  Result<void> sample(const lower::SealedUpdate& sql, Preview& preview) {
    auto select = target.prepare(sql.select, evaluation);
    if (!select) return select.error();
    const bool once = step.idempotence == program::Idempotence::once;
    std::unique_ptr<connect::Prepared> recompute;
    if (once) {
      auto prepared = target.prepare(sql.recompute, evaluation);
      if (!prepared) return prepared.error();
      recompute = std::move(*prepared);
    }
    const Table& table = program.table(step.target);
    const std::size_t keys = std::max<std::size_t>(step.walk.size(), 1), columns = table.columns.size();
    const std::int64_t apart = std::max<std::int64_t>(1, preview.would_change / static_cast<std::int64_t>(samples));
    std::int64_t at = 0;
    Result<void> sound;
    auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
      if (at++ % apart != 0) return true;
      std::vector<std::string> then(step.assignments.size());
      const auto take = [&](connect::RawRow values) {
        for (std::size_t i = 0; i < then.size(); ++i)
          then[i] = shown(target.decode(values[i], lower::wire_of(table.columns[static_cast<std::size_t>(step.assignments[i].column)])));
        return false;
      };
      if (once) sound = recompute->query_raw(row.first(keys), take);
      else take(row.subspan(keys + columns));
      std::string line;
      for (std::size_t i = 0; i < keys; ++i)
        line +=
            fmt::format("{}{} {}", i ? ", " : "", step.walk.empty() ? "rowid" : table.columns[static_cast<std::size_t>(step.walk[i])].name,
                        shown(target.decode(row[i], sql.select.columns[i])));
      for (std::size_t i = 0; i < step.assignments.size(); ++i) {
        const auto column = static_cast<std::size_t>(step.assignments[i].column);
        line += fmt::format("{} {} {} -> {}", i ? "," : ":", table.columns[column].name,
                            shown(target.decode(row[keys + column], sql.select.columns[keys + column])), then[i]);
      }
      preview.sample.push_back(std::move(line));
      return sound && preview.sample.size() < samples;
    });
    return read ? sound : read;
  }

  Result<void> update(const plan::StepPlan& step_plan, Preview& preview) {
    auto sealed = lower::sealed_update(program, step, lower::Dialect::sqlite);
    if (!sealed) return sealed.error();
    if (step_plan.work == plan::WorkKind::direct_write) {
      auto direct = lower::direct_update(program, step, lower::Dialect::sqlite);
      if (!direct) return direct.error();
      preview.sql.push_back(direct->change.text);
    } else {
      preview.sql = {sealed->select.text, sealed->change.text};
    }
    auto count = number(sealed->probe);
    if (!count) return count.error();
    preview.would_change = *count;
    if (auto sampled = sample(*sealed, preview); !sampled) return sampled;
    if (step.idempotence != program::Idempotence::guarded || *count == 0) return {};
    auto proof = prove(program, step, target, evaluation);
    if (!proof) return proof.error();
    preview.proof = proof->broken.empty() ? fmt::format("applied twice to {} of its rows: the second time changes nothing", proof->rows)
                                          : proof->broken;
    return {};
  }
};

}  // namespace

std::vector<Preview> preview(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                             Clock& clock, Diagnostics& diagnostics) {
  std::vector<std::vector<ledger::Generation>> generations;
  std::vector<Timestamp> clocks;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (program.catalogues[i].read_only) {
      generations.emplace_back();
      clocks.push_back(clock.now());
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
    clocks.push_back(frozen->value_or(clock.now()));
  }
  std::vector<Preview> all(program.steps.size());
  std::vector<Decision> decisions = decide(program, plan, generations);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const program::Step& step = program.steps[i];
    all[i].decision = std::move(decisions[i]);
    const Arrangement arrangement = arrange(program, step);
    if (step.kind != program::StepKind::update) {
      for (const program::Assertion& assertion : step.assertions)
        all[i].sql.push_back(lower::scalar(arrangement.program(), assertion.condition, lower::Dialect::sqlite).text);
      all[i].shipped = shown(arrangement);
      continue;
    }
    if (all[i].decision.kind == DecisionKind::reuse) continue;
    const auto source = static_cast<std::size_t>(step.target.source);
    all[i].table_rows = program.table(step.target).estimated_rows.value_or(-1);
    auto bench = Workbench::open(program, step, targets, {clocks[source]});
    Result<void> looked = bench ? Result<void>{} : Result<void>{bench.error()};
    if (bench) {
      all[i].shipped = shown((*bench)->arrangement());
      all[i].shipped_rows = (*bench)->shipped_rows();
      looked = Look{(*bench)->program(), step, (*bench)->engine(), {clocks[source]}}.update(plan.steps[i], all[i]);
    }
    if (!looked) {
      Diagnostic& diagnostic = diagnostics.error(code_of(looked.error()), step.name_span,
                                                 fmt::format("step `{}`: {}", step.name, looked.error().message), looked.error().help);
      if (!looked.error().detail.empty()) diagnostic.notes.push_back(looked.error().detail);
    }
  }
  return all;
}

}  // namespace bfl::run
