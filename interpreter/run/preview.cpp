// What `bfl plan` measures: decisions, counts and sample rows, all by reading.
#include <fmt/format.h>

#include <unordered_map>

#include "interpreter/run/context.h"

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
  connect::Connector& target;
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
    auto prepared = target.prepare(sql.select, evaluation);
    if (!prepared) return prepared.error();
    const Table& table = program.table(step.target);
    const std::size_t keys = std::max<std::size_t>(step.walk.size(), 1), columns = table.columns.size();
    const std::int64_t apart = std::max<std::int64_t>(1, preview.would_change / static_cast<std::int64_t>(samples));
    std::int64_t at = 0;
    return (*prepared)->query_raw({}, [&](connect::RawRow row) {
      if (at++ % apart != 0) return true;
      std::string line;
      for (std::size_t i = 0; i < keys; ++i)
        line += fmt::format("{}{} {}", i ? ", " : "", step.walk.empty() ? "rowid" : table.columns[static_cast<std::size_t>(step.walk[i])].name,
                            shown(target.decode(row[i], sql.select.columns[i])));
      for (std::size_t i = 0; i < step.assignments.size(); ++i) {
        const auto column = static_cast<std::size_t>(step.assignments[i].column);
        line += fmt::format("{} {} {}", i ? "," : ":", table.columns[column].name, shown(target.decode(row[keys + column], sql.select.columns[keys + column])));
        if (step.idempotence != program::Idempotence::once)
          line += fmt::format(" -> {}", shown(target.decode(row[keys + columns + i], sql.select.columns[keys + columns + i])));
      }
      preview.sample.push_back(std::move(line));
      return preview.sample.size() < samples;
    });
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
    auto broken = disproof(program, step, target, evaluation);
    if (!broken) return broken.error();
    preview.proof = *broken ? **broken : "applied twice to a sample of its rows, the second time changes nothing";
    return {};
  }
};

}  // namespace

std::vector<Preview> preview(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets, Clock& clock,
                             Diagnostics& diagnostics) {
  std::unordered_map<std::string, std::vector<ledger::Generation>> generations;
  for (connect::Connector* target : targets) {
    auto list = ledger::generations(*target, program.job);
    if (!list) {
      diagnostics.error(Code::database_error, program.job_span, list.error().message, list.error().help);
      return {};
    }
    for (ledger::Generation& generation : *list) generations[generation.step].push_back(std::move(generation));
  }
  const eval::Context evaluation{clock.now()};
  std::vector<Preview> all(program.steps.size());
  static const std::vector<ledger::Generation> none;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const program::Step& step = program.steps[i];
    const auto found = generations.find(step.name);
    all[i].decision = decide(step, plan.steps[i], found == generations.end() ? none : found->second);
    if (step.kind != program::StepKind::update) {
      for (const program::Assertion& assertion : step.assertions) all[i].sql.push_back(lower::scalar(program, assertion.condition, lower::Dialect::sqlite).text);
      continue;
    }
    if (all[i].decision.kind == DecisionKind::reuse) continue;
    Look look{program, step, *targets[static_cast<std::size_t>(step.target.source)], evaluation};
    if (program.table(step.target).estimated_rows) all[i].table_rows = *program.table(step.target).estimated_rows;
    if (auto looked = look.update(plan.steps[i], all[i]); !looked) {
      Diagnostic& diagnostic = diagnostics.error(code_of(looked.error()), step.name_span, fmt::format("step `{}`: {}", step.name, looked.error().message), looked.error().help);
      if (!looked.error().detail.empty()) diagnostic.notes.push_back(looked.error().detail);
    }
  }
  return all;
}

}  // namespace bfl::run
