// Checks and verifications: every `assert` of a step in one read snapshot.
#include <fmt/format.h>

#include "interpreter/run/context.h"

namespace bfl::run {
namespace {

using connect::RawRow;

// Assertions may speak of no table at all; any source will do for them then.
int source_of(const program::Step& step) { return step.reads.empty() ? 0 : step.reads.begin()->table.source; }

Result<Value> value_of(Context& context, connect::Connector& target, const program::ExprPtr& expr, int source, std::string& query) {
  const lower::Statement statement = lower::scalar(context.program, expr, lower::Dialect::sqlite);
  query = statement.text;
  auto prepared = target.prepare(statement, context.evaluation(source));
  if (!prepared) return prepared.error();
  Result<Value> value = Value();
  auto read = (*prepared)->query_raw({}, [&](RawRow row) {
    value = target.decode(row[0], statement.columns[0]);
    return false;
  });
  if (!read) return read.error();
  return value;
}

// `3 == 0` behind `count(wrong) == 0`: the two sides as they are.
std::string sides(Context& context, connect::Connector& target, const program::ExprPtr& condition, int source) {
  if (condition->kind != program::ExprKind::compare) return {};
  static constexpr std::string_view signs[] = {"==", "!=", "<", "<=", ">", ">="};
  std::string query;
  auto left = value_of(context, target, condition->args[0], source, query);
  auto right = value_of(context, target, condition->args[1], source, query);
  if (!left || !right) return {};
  return fmt::format("{} {} {}", to_literal(*left), signs[static_cast<std::size_t>(condition->op)], to_literal(*right));
}

}  // namespace

StepEnd assertion(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision) {
  const int source = source_of(step);
  connect::Connector& target = *context.targets[static_cast<std::size_t>(source)];
  const bool verify = step.kind == program::StepKind::verify;
  if (auto begun = target.begin_read(); !begun) return context.fail(step, code_of(begun.error()), begun.error());
  bool all = true;
  for (const program::Assertion& assertion : step.assertions) {
    const double begun = context.clock.seconds();
    std::string query;
    auto holds = value_of(context, target, assertion.condition, source, query);
    if (!holds) {
      target.rollback();
      return context.fail(step, code_of(holds.error()), holds.error());
    }
    const bool* truth = std::get_if<bool>(&holds->data);
    Event event = context.event(truth && *truth ? EventKind::assertion_passed : EventKind::assertion_failed, step);
    event.reason = assertion.text;
    event.query = query;
    event.seconds = context.clock.seconds() - begun;
    ++context.outcome.assertions;
    if (!truth || !*truth) {
      all = false;
      const std::string found = sides(context, target, assertion.condition, source);
      const std::string message = assertion.message.empty() ? fmt::format("`{}` does not hold", assertion.text) : assertion.message;
      event.reason = found.empty() ? message : fmt::format("{}: {}", message, found);
      Diagnostic& diagnostic = context.diagnostics.error(verify ? Code::verify_failed : Code::check_failed, assertion.span,
                                                         fmt::format("{} `{}`: {}", verify ? "verification" : "check", step.name, message),
                                                         verify ? "every change so far is committed and in the ledger; look at the rows, mend the job, and run it again"
                                                                : "no step that depends on this check was started");
      if (!found.empty()) diagnostic.label = "found " + found;
    }
    context.tell(event);
  }
  target.rollback();
  if (!all) {
    context.outcome.exit_code = 1;
    Event failed = context.event(EventKind::step_failed, step);
    failed.reason = "an assertion does not hold";
    context.tell(failed);
    return StepEnd::failed;
  }
  if (!verify)
    if (auto kept = context.writers[static_cast<std::size_t>(source)]->record_check(step.name, step_plan.key, decision.generation); !kept)
      return context.fail(step, code_of(kept.error()), kept.error());
  context.tell(context.event(EventKind::step_finished, step));
  return StepEnd::done;
}

}  // namespace bfl::run
