#include "interpreter/run/judgement.h"

#include <fmt/format.h>

#include "interpreter/run/discreet.h"

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

bool is_true(const Result<Value>& value) {
  const bool* truth = value ? std::get_if<bool>(&value->data) : nullptr;
  return truth && *truth;
}

// "found 3", or both sides where neither is written out.
std::string sides(Workbench& bench, const eval::Context& evaluation, const program::ExprPtr& condition) {
  std::string query, text;
  if (condition->kind == program::ExprKind::and_)  // the first that is false
    for (const program::ExprPtr& part : condition->args)
      if (!is_true(value_of(bench, evaluation, part, query))) return sides(bench, evaluation, part);
  if (condition->kind != program::ExprKind::compare) return {};
  const bool written[] = {condition->args[0]->kind == program::ExprKind::literal, condition->args[1]->kind == program::ExprKind::literal};
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

Result<Judgement> judge(Workbench& bench, const eval::Context& evaluation, const program::ExprPtr& condition) {
  Judgement made;
  auto value = value_of(bench, evaluation, condition, made.query);
  if (!value) return value.error();
  made.holds = is_true(value);
  if (!made.holds) made.found = sides(bench, evaluation, condition);
  return made;
}

Result<std::vector<Judgement>> judgements(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                                      const KeptAside& aside) {
  auto bench = Workbench::open(program, step, sources, evaluation, aside);
  if (!bench) return bench.error();
  std::vector<Judgement> all;
  for (const program::Assertion& assertion : step.assertions) {
    auto one = judge(**bench, evaluation, assertion.condition);
    if (!one) {
      bench->reset();
      return with_row(program, step, sources, evaluation, one.error(), asked_of(assertion.condition), aside);
    }
    all.push_back(std::move(*one));
  }
  return all;
}

Asked asked_of(const program::ExprPtr& condition) {
  return [condition](const program::Program& naming) -> Result<std::vector<lower::Statement>> {
    return std::vector<lower::Statement>{lower::scalar(naming, condition, lower::Dialect::sqlite)};
  };
}

}  // namespace bfl::run
