#include "interpreter/report/plan_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/check/sensitive.h"
#include "interpreter/report/plan_facts.h"
#include "interpreter/report/plan_risks.h"
#include "interpreter/report/words.h"
#include "interpreter/run/schedule.h"

namespace bfl::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;
constexpr std::string_view bounds[] = {"at_most", "at_least", "exactly"};

const std::string& column_name(const program::Program& program, const program::Step& step, int column) {
  return program.table(step.target).columns[static_cast<std::size_t>(column)].name;
}

void add_update(Json& object, const program::Program& program, const program::Step& step) {
  object["table"] = program.shown(step.target);
  if (step.relation) object["rows"] = program::to_string(*step.relation, program);
  for (const program::Assignment& set : step.assignments)
    object["set"].push_back({{"column", column_name(program, step, set.column)}, {"value", program::to_string(*set.value, program)}});
  for (const int column : step.key) object["key"].push_back(column_name(program, step, column));
  for (const auto& expr : step.once_per) object["once_per"].push_back(program::to_string(*expr, program));
  for (const program::TableRef ref : step.cascades) object["cascades"].push_back(program.shown(ref));
  if (step.when) object["when"] = program::to_string(*step.when, program);
  object["class"] = word(step.idempotence);
  object["route"] = word(step.route);
  object["route_reason"] = step.route_reason;
  object["walk"] = Json::array();
  for (const int column : step.walk) object["walk"].push_back(column_name(program, step, column));
  if (step.chunk_rows) object["chunk_rows"] = *step.chunk_rows;
  object["atomic"] = step.atomic;
  if (const std::string alone = run::footprint_of(program, step).alone; !alone.empty()) object["alone"] = alone;
  if (step.quarantine) object["quarantine"] = *step.quarantine;
  if (step.pace) object["pace"] = pace_of(step.pace);
  if (step.rollout) {
    object["rollout"] = {{"by", step.rollout->by_hash ? "hash" : "key"}, {"stages", Json::array()}};
    for (const auto& stage : step.rollout->stages) object["rollout"]["stages"].push_back(stage.text);
  }
  object["expect"] = Json::array();
  for (const program::Expectation& expectation : step.expectations) {
    Json bound{{"of", expectation.what == program::Counted::skipped ? "skipped" : "changed"}, {"bound", bounds[static_cast<std::size_t>(expectation.bound)]}};
    if (!expectation.percent) bound["rows"] = expectation.rows;
    if (expectation.percent) bound["percent"] = expectation.percent->to_string(), bound["share_of"] = expectation.of_text;
    object["expect"].push_back(std::move(bound));
  }
}

void add_preview(Json& object, const run::Preview& preview) {
  object["decision"] = word(preview.decision.kind);
  object["reason"] = preview.decision.why;
  object["changed_components"] = preview.decision.changed;
  object["generation"] = preview.decision.generation;
}

void add_measured(Json& object, const program::Program& program, const program::Step& step, const run::Preview& preview) {
  if (preview.would_change >= 0) object["would_change"] = preview.would_change;
  if (preview.already_right >= 0) object["already_right"] = preview.already_right;
  if (!preview.unknown.empty()) object["unknown"] = preview.unknown;
  if (!preview.on_top.empty()) object["on_top_of"] = preview.on_top;
  if (preview.would_change >= 0 && !preview.before.empty()) {
    object["counted_before"] = preview.before;
    if (!preview.why_before.empty()) object["why_counted_before"] = preview.why_before;
  }
  if (step.when && preview.unknown.empty()) object["applies"] = !preview.left_out_whole;
  for (const auto& [table, rows] : preview.with_them) object["with_them"].push_back({{"table", program.shown(table)}, {"rows", rows}});
  const run::Refusals& refusals = preview.refusals;
  if (preview.set_aside_before > 0) object["set_aside_before"] = preview.set_aside_before;
  if (const std::int64_t rows = refusals.rows(); rows > 0) {
    Json refused{{"rows", rows}, {"all", refusals.all}, {"set_aside", std::min(rows, run::may_set_aside(step, preview))}, {"stops", rows > run::may_set_aside(step, preview)}, {"reasons", Json::array()}};
    for (const run::Refusals::Reason& reason : refusals.reasons) refused["reasons"].push_back({{"reason", reason.text}, {"rows", reason.rows}, {"keys", reason.keys}});
    object["refused_rows"] = std::move(refused);
  }
  if (refusals.conflicts > 0) object["in_conflict"] = refusals.conflicts;
  if (!refusals.untried.empty()) object["untried"] = refusals.untried;
  if (preview.table_rows >= 0) object["table_rows"] = preview.table_rows;
  for (const run::LeftOut& part : preview.left_out) object["left_out"].push_back({{"reason", part.reason}, {"rows", part.rows}, {"keys", part.keys}});
  for (const run::ColumnSummary& column : preview.columns) {
    Json summed{{"column", column.column}, {"changed", column.changed}, {"filled", column.filled}, {"emptied", column.emptied}};
    if (column.sum_before && column.sum_after) summed["sum_before"] = column.sum_before->to_string(), summed["sum_after"] = column.sum_after->to_string();
    summed["changes"] = Json::array();
    for (const auto& change : column.changes) summed["changes"].push_back({{"before", change.before.empty() ? Json() : Json(change.before)}, {"after", change.after}, {"rows", change.rows}});
    summed["uncounted"] = column.uncounted;
    object["columns"].push_back(std::move(summed));
  }
  object["sample"] = preview.sample;
  if (const auto& estimate = preview.estimate) {
    object["estimate"] = {{"seconds", estimate->seconds}};
    if (estimate->trial) object["estimate"]["tried_rows"] = estimate->trial->rows, object["estimate"]["tried_seconds"] = estimate->trial->seconds;
    if (estimate->pace > 0) object["estimate"]["pace"] = estimate->pace;
  }
  if (!preview.proof.empty()) object["proof"] = preview.proof;
  if (!preview.shipped.empty()) object["shipped"] = preview.shipped;
  if (!preview.shipped.empty() && preview.shipped_rows >= 0) object["shipped_rows"] = preview.shipped_rows;
  object["sql"] = preview.sql;
  const std::vector<Risk> risks = risks_of(program, step, preview);
  if (program::changes_rows(step.kind) || !risks.empty()) object["risks"] = Json::array();
  for (const Risk& risk : risks) object["risks"].push_back({{"name", risk.name}, {"reason", risk.reason}});
  if (!program::changes_rows(step.kind)) return;
  object["access"] = Json::array();
  for (const run::Access& access : preview.accesses) object["access"].push_back({{"text", access.text}, {"table", program.shown(access.table)}, {"whole", access.whole}});
  object["sets_off"] = set_off_by(program, step);
  object["locks"] = locks_of(program, step);
}

void add_through(Json& object, const program::Step& step) {
  const program::OutsideProgram& outside = *step.through->program;
  Json made{{"program", outside.name}, {"command", outside.words}, {"takes", Json::array()}, {"gives", Json::array()}, {"environment", Json::object()},
            {"files", outside.files}, {"digest", outside.content}, {"batch", outside.batch_rows}, {"within", to_literal(Value(outside.limit))}};
  for (const int field : step.through->takes) made["takes"].push_back(step.relation->fields[static_cast<std::size_t>(field)].name);
  for (const auto& column : outside.gives) made["gives"].push_back({{"name", column.name}, {"type", to_string(column.type)}});
  for (const auto& variable : outside.environment) made["environment"][variable.name] = variable.shown;
  object["through"] = std::move(made);
}

Json step_json(const program::Program& program, const program::Step& step, const plan::StepPlan& step_plan, const run::Preview* preview) {
  Json object{{"step", step.name}, {"kind", verb(step.kind)}};
  if (!step.doc.empty()) object["about"] = step.doc;
  if (preview) add_preview(object, *preview);
  object["memo_key"] = step_plan.key.digest;
  object["pacing"] = step_plan.key.pacing;
  object["key_components"] = Json::object();
  for (const plan::KeyComponent& component : step_plan.key.components) object["key_components"][component.name] = component.digest;
  for (std::size_t i = 0; i < step.assertions.size(); ++i) {
    object["asserts"].push_back({{"text", step.assertions[i].text}, {"message", step.assertions[i].message}});
    if (!preview || i >= preview->judgements.size()) continue;
    object["asserts"].back()["holds"] = preview->judgements[i].holds;
    if (!preview->judgements[i].found.empty()) object["asserts"].back()["found"] = preview->judgements[i].found;
  }
  if (step.kind == program::StepKind::snapshot && step.relation) object["rows"] = program::to_string(*step.relation, program);
  if (step.through) add_through(object, step);
  if (step.sql) {
    if (!step.done_text.empty()) object["done_when"] = step.done_text;
    object["risk"] = "raw SQL";
  }
  if (program::changes_rows(step.kind)) add_update(object, program, step);
  if (preview) add_measured(object, program, step, *preview);
  return object;
}

}  // namespace

std::string plan_document(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const std::vector<std::string>& refused) {
  Json document{{"schema_version", schema_version}, {"job", program.job}, {"owner", program.owner}, {"ticket", program.ticket}, {"why", program.why},
                {"runbook", program.runbook}, {"expires", program.expires ? Json(format_timestamp(*program.expires)) : Json()},
                {"approvals", program.approval ? Json(program.approval->signatures) : Json(0)}, {"not_author", program.approval && program.approval->not_author},
                {"promote", program::to_string(program.promotion)},
                {"rollback", program.rollback ? program.rollback->text : ""}, {"atomic", program.atomic.has_value()}, {"steps_at_once", run::steps_at_once(program)}, {"sensitive", check::sensitive_columns(program)}, {"sources", Json::array()}, {"parameters", Json::array()}, {"steps", Json::array()}, {"edges", Json::array()}};
  if (!refused.empty()) document["refused"] = refused;
  if (program.pace) document["pace"] = pace_of(program.pace);
  for (const program::Source& source : program.sources) document["sources"].push_back({{"name", source.name}, {"url", source.shown}});
  for (const program::Parameter& parameter : program.parameters)
    document["parameters"].push_back({{"name", parameter.name}, {"type", to_string(parameter.type)}, {"value", parameter.secret ? "***" : parameter.is_clock ? "now()" : to_literal(parameter.value)}, {"given", parameter.given}});
  std::int64_t decisions[4] = {}, would_change = 0;  // in step with DecisionKind
  std::vector<std::string> fails;                    // checks and verifications that would not hold
  for (const std::size_t index : plan.order) {
    const run::Preview* preview = index < previews.size() ? &previews[index] : nullptr;
    document["steps"].push_back(step_json(program, program.steps[index], plan.steps[index], preview));
    if (!preview) continue;
    if (std::any_of(preview->judgements.begin(), preview->judgements.end(), [](const run::Judgement& judgement) { return !judgement.holds; })) fails.push_back(program.steps[index].name);
    ++decisions[static_cast<std::size_t>(preview->decision.kind)];
    if (preview->would_change > 0) would_change += preview->would_change;
    for (const auto& [table, rows] : preview->with_them) would_change += rows;
  }
  for (const plan::Edge& edge : plan.edges) {
    Json object{{"from", program.steps[edge.from].name}, {"to", program.steps[edge.to].name}, {"kind", plan::name_of(edge.reason)}};
    if (edge.reason != plan::EdgeReason::by_hand && edge.reason != plan::EdgeReason::guarded) object["column"] = plan::name_of(edge.use, program);
    object["reason"] = plan::describe(edge, program);
    document["edges"].push_back(std::move(object));
  }
  document["summary"] = {{"steps", plan.order.size()}, {"run", decisions[0]}, {"resume", decisions[1]}, {"reuse", decisions[2]}, {"stop", decisions[3]},
                         {"would_change", would_change}, {"fails", fails}};
  // Names and values may hold bytes that are no UTF-8: shown, never thrown over.
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bfl::report
