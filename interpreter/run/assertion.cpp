// Checks and verifications: every `assert` of a step in one read snapshot.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/connect/nested.h"
#include "interpreter/run/context.h"
#include "interpreter/run/judgement.h"

namespace bfl::run {

Result<bool> holds(const program::Program& program, const program::Step& step, const program::ExprPtr& condition, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                   const KeptAside& aside) {
  // What is asked, as a step of its own: where it is computed follows from what it reads.
  program::Step question;
  question.kind = program::StepKind::check;
  question.keeper = step.keeper;
  question.assertions.push_back({.condition = condition, .message = {}, .text = {}});
  auto bench = Workbench::open(program, question, sources, evaluation, aside);
  if (!bench) return bench.error();
  auto told = judge(**bench, evaluation, condition);
  bench->reset();
  if (!told) return with_row(program, question, sources, evaluation, told.error(), asked_of(condition), aside);
  return told->holds;
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
    auto found = judge(*bench, evaluation, assertion.condition);
    if (!found) {
      bench.reset();
      return with_row(context.program, step, context.targets, evaluation, found.error(), asked_of(assertion.condition));
    }
    Event event = context.event(found->holds ? EventKind::assertion_passed : EventKind::assertion_failed, told);
    event.reason = assertion.text;
    event.query = found->query;
    event.seconds = context.clock.seconds() - begun;
    if (found->holds) {
      context.count([](Outcome& outcome) { ++outcome.assertions; });
    } else {
      all = false;
      const std::string message = assertion.message.empty() ? fmt::format("`{}` does not hold", assertion.text) : assertion.message;
      event.reason = found->found.empty() ? message : fmt::format("{}: {}", message, found->found);
      context.count([&](const Outcome&) { context.whole.diagnostics.error(as.code, assertion.span, fmt::format("{}: {}", as.what, message), as.help).label = found->found; });
    }
    context.tell(event);
  }
  return all;
}

StepEnd assertion(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision) {
  const bool verify = step.kind == program::StepKind::verify;
  const bool one_transaction = std::any_of(context.targets.begin(), context.targets.end(), [](const connect::Connector* target) { return connect::in_one_transaction(*target); });
  auto all = asserts(context, step, step,
                     {verify ? Code::verify_failed : Code::check_failed, fmt::format("{} `{}`", verify ? "verification" : "check", step.name),
                      one_transaction ? fmt::format("{}; look at the rows, mend the job, and run it again", untouched)
                      : verify ? "every change so far is committed and in the ledger; look at the rows, mend the job, and run it again"
                             : "no step that depends on this check was started"});
  if (!all) return context.fail(step, all.error());
  if (!*all) {
    context.count([&](const Outcome&) { context.decide_exit(step, 1); });
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
