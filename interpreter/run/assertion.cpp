// Checks and verifications: every `assert` of a step in one read snapshot.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"

namespace bfl::run {
namespace {

using connect::RawRow;

Result<Value> value_of(Workbench& bench, const eval::Context& evaluation, const program::ExprPtr& expr, std::string& query) {
  auto statement = lower::scalar_in(bench.program(), expr, bench.dialect());
  if (!statement) return statement.error();
  query = statement->text;
  auto prepared = bench.engine().prepare(*statement, evaluation);
  if (!prepared) return prepared.error();
  Result<Value> value = Value();
  auto read = (*prepared)->query_raw({}, [&](RawRow row) {
    value = bench.engine().decode(row[0], statement->columns[0]);
    return false;
  });
  if (!read) return read.error();
  return value;
}

Asked scalar_of(const program::ExprPtr& expr) {
  return [expr](const program::Program& naming) -> Result<std::vector<lower::Statement>> {
    return std::vector<lower::Statement>{lower::scalar(naming, expr, lower::Dialect::sqlite)};
  };
}

// What stands on the sides of a comparison that does not hold: "found 3", or both where neither is written out.
std::string sides(Workbench& bench, const eval::Context& evaluation, const program::ExprPtr& condition) {
  if (condition->kind == program::ExprKind::and_) {  // the first that is false
    std::string query;
    for (const program::ExprPtr& part : condition->args) {
      auto holds = value_of(bench, evaluation, part, query);
      const bool* truth = holds ? std::get_if<bool>(&holds->data) : nullptr;
      if (!truth || !*truth) return sides(bench, evaluation, part);
    }
  }
  if (condition->kind != program::ExprKind::compare) return {};
  const bool written[] = {condition->args[0]->kind == program::ExprKind::literal, condition->args[1]->kind == program::ExprKind::literal};
  std::string query, text;
  check::Tells tells(bench.program());
  for (const std::size_t i : {0, 1}) {
    if (written[i]) continue;
    auto value = value_of(bench, evaluation, condition->args[i], query);
    if (!value) return {};
    text += fmt::format("{}{}{}", text.empty() ? "found " : " and ", tells(*condition->args[i]) ? unshown : to_literal(*value),
                        written[0] || written[1] ? ""
                        : i == 0                 ? " on the left"
                                                 : " on the right");
  }
  return text;
}

}  // namespace

Result<bool> holds(const program::Program& program, const program::Step& step, const program::ExprPtr& condition, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation) {
  // What is asked, as a step of its own: where it is computed follows from what it reads.
  program::Step question;
  question.kind = program::StepKind::check;
  question.keeper = step.keeper;
  question.assertions.push_back({.condition = condition, .message = {}, .text = {}});
  auto bench = Workbench::open(program, question, sources, evaluation);
  if (!bench) return bench.error();
  std::string query;
  auto value = value_of(**bench, evaluation, condition, query);
  bench->reset();
  if (!value) return with_row(program, question, sources, evaluation, value.error(), scalar_of(condition));
  const bool* truth = std::get_if<bool>(&value->data);
  return truth && *truth;
}

Result<bool> applies(Context& context, const program::Step& step) {
  if (!step.when) return true;
  return holds(context.program, step, step.when, context.targets, context.evaluation(std::max(step.keeper, 0)));
}

Result<bool> asserts(Context& context, const program::Step& step, const program::Step& told, const Asserted& as) {
  const eval::Context evaluation = context.evaluation(std::max(step.keeper, 0));
  auto opened = Workbench::open(context.program, step, context.targets, evaluation);
  if (!opened) return opened.error();
  std::unique_ptr<Workbench> bench = std::move(*opened);
  bool all = true;
  for (const program::Assertion& assertion : step.assertions) {
    const double begun = context.clock.seconds();
    std::string query;
    auto holds = value_of(*bench, evaluation, assertion.condition, query);
    if (!holds) {
      bench.reset();
      return with_row(context.program, step, context.targets, evaluation, holds.error(), scalar_of(assertion.condition));
    }
    const bool* truth = std::get_if<bool>(&holds->data);
    Event event = context.event(truth && *truth ? EventKind::assertion_passed : EventKind::assertion_failed, told);
    event.reason = assertion.text;
    event.query = query;
    event.seconds = context.clock.seconds() - begun;
    if (truth && *truth) {
      context.count([](Outcome& outcome) { ++outcome.assertions; });
    } else {
      all = false;
      const std::string found = sides(*bench, evaluation, assertion.condition);
      const std::string message = assertion.message.empty() ? fmt::format("`{}` does not hold", assertion.text) : assertion.message;
      event.reason = found.empty() ? message : fmt::format("{}: {}", message, found);
      context.count([&](const Outcome&) { context.whole.diagnostics.error(as.code, assertion.span, fmt::format("{}: {}", as.what, message), as.help).label = found; });
    }
    context.tell(event);
  }
  return all;
}

StepEnd assertion(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision) {
  const bool verify = step.kind == program::StepKind::verify;
  auto all = asserts(context, step, step,
                     {verify ? Code::verify_failed : Code::check_failed, fmt::format("{} `{}`", verify ? "verification" : "check", step.name),
                      verify ? "every change so far is committed and in the ledger; look at the rows, mend the job, and run it again"
                             : "no step that depends on this check was started"});
  if (!all) return context.fail(step, all.error());
  if (!*all) {
    context.count([](Outcome& outcome) { outcome.exit_code = outcome.exit_code == 0 ? 1 : outcome.exit_code; });
    Event failed = context.event(EventKind::step_failed, step);
    failed.reason = "an assertion does not hold";
    context.tell(failed);
    return StepEnd::failed;
  }
  if (!verify && step.keeper >= 0)
    if (auto kept = context.writer(step.keeper).record_done(step.name, "check", step_plan.key, decision.generation); !kept)
      return context.fail(step, kept.error());
  context.tell(context.event(EventKind::step_finished, step));
  return StepEnd::done;
}

}  // namespace bfl::run
