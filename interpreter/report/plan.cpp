#include "interpreter/report/plan.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

std::string_view because(program::Idempotence kind) {
  switch (kind) {
    case program::Idempotence::reads: return "";
    case program::Idempotence::convergent: return "the new values do not read what the step writes";
    case program::Idempotence::guarded: return "the `where` is false once the change is made";
    case program::Idempotence::staged: return "the new values are computed and kept before the first row changes";
    case program::Idempotence::once: return "the ledger makes each row change once";
  }
  return "";
}

std::string table_name(const program::Program& program, const program::Step& step) {
  return fmt::format("{}.{}", program.sources[static_cast<std::size_t>(step.target.source)].name, program.table(step.target).name);
}

std::string walk(const program::Program& program, const program::Step& step) {
  std::string text;
  for (const int column : step.walk) text += (text.empty() ? "" : ", ") + program.table(step.target).columns[static_cast<std::size_t>(column)].name;
  return text.empty() ? "rowid" : text;
}

struct Ink {
  bool color;
  std::string bold(std::string_view text) const { return color ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text); }
  std::string faint(std::string_view text) const { return color ? fmt::format("\x1b[2m{}\x1b[0m", text) : std::string(text); }
};

void row(std::string& text, std::string_view label, std::string_view value) { text += fmt::format("    {:<10} {}\n", label, value); }

void describe_update(std::string& text, const program::Program& program, const program::Step& step, const run::Preview* preview) {
  std::string columns;
  for (const program::Assignment& set : step.assignments)
    columns += fmt::format("{}{}", columns.empty() ? "" : ", ", program.table(step.target).columns[static_cast<std::size_t>(set.column)].name);
  row(text, "changes", fmt::format("{} ({})", table_name(program, step), columns));
  for (const program::Assignment& set : step.assignments)
    row(text, "", fmt::format("{} = {}", program.table(step.target).columns[static_cast<std::size_t>(set.column)].name,
                              program::to_string(*set.value, program)));
  if (preview && preview->would_change >= 0)
    row(text, "rows", preview->table_rows >= 0 ? fmt::format("{} of about {} would change", grouped(preview->would_change), grouped(preview->table_rows))
                                               : fmt::format("{} would change", grouped(preview->would_change)));
  for (const program::Expectation& expect : step.expectations) {
    constexpr const char* bounds[] = {"at most", "at least", "exactly"};
    row(text, "expects", fmt::format("{} {} changed", bounds[static_cast<int>(expect.bound)], counted(expect.rows, "row")));
  }
  row(text, "safe", fmt::format("{}: {}", word(step.idempotence), because(step.idempotence)));
  row(text, "route", fmt::format("{}{}{}", word(step.route), step.route_reason.empty() ? "" : ": ", step.route_reason));
  row(text, "walk", step.chunk_rows ? fmt::format("by {}, {} a chunk", walk(program, step), counted(*step.chunk_rows, "row"))
                                    : fmt::format("by {}, chunks sized as it goes", walk(program, step)));
}

}  // namespace

std::string plan_text(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, RenderStyle style) {
  const Ink ink{style.color};
  std::string text = fmt::format("plan of {}\n", ink.bold(program.job));
  if (!program.why.empty()) row(text, "why", program.why);
  if (!program.owner.empty()) row(text, "owner", program.owner);
  if (!program.ticket.empty()) row(text, "ticket", program.ticket);
  for (const program::Source& source : program.sources) row(text, "source", fmt::format("{}: {}", source.name, source.shown));
  for (const program::Parameter& parameter : program.parameters)
    row(text, "param", fmt::format("{} = {}{}", parameter.name, to_literal(parameter.value), parameter.given ? " (given)" : ""));

  std::int64_t total = 0;
  bool nothing = true;
  for (const std::size_t index : plan.order) {
    const program::Step& step = program.steps[index];
    const run::Preview* preview = index < previews.size() ? &previews[index] : nullptr;
    text += fmt::format("\n  {}\n", ink.bold(fmt::format("{} {}", verb(step.kind), step.name)));
    if (preview) {
      row(text, "decision", fmt::format("{}: {}", word(preview->decision.kind), preview->decision.why));
      if (preview->decision.kind != run::DecisionKind::reuse && step.kind == program::StepKind::update) nothing = false;
      if (preview->would_change > 0) total += preview->would_change;
    }
    for (const program::Assertion& assertion : step.assertions) row(text, "asserts", assertion.text);
    if (step.kind == program::StepKind::update) describe_update(text, program, step, preview);
    if (preview && !preview->proof.empty()) row(text, "proof", preview->proof);
    if (preview)
      for (const std::string& sample : preview->sample) row(text, &sample == &preview->sample.front() ? "sample" : "", sample);
    for (const plan::Edge& edge : plan.edges)
      if (edge.to == index) row(text, "after", fmt::format("{}: {}", program.steps[edge.from].name, plan::describe(edge, program)));
    if (preview)
      for (const std::string& sql : preview->sql) row(text, &sql == &preview->sql.front() ? "sql" : "", ink.faint(sql));
  }
  text += nothing ? "\nnothing to change: every update is finished\n" : fmt::format("\n{} would change; this changed nothing\n", counted(total, "row"));
  return text;
}

std::string plan_json(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews) {
  using Json = nlohmann::ordered_json;
  Json document{{"job", program.job}, {"owner", program.owner}, {"ticket", program.ticket}, {"why", program.why},
                {"sources", Json::array()}, {"parameters", Json::object()}, {"steps", Json::array()}, {"edges", Json::array()}};
  for (const program::Source& source : program.sources) document["sources"].push_back({{"name", source.name}, {"url", source.shown}});
  for (const program::Parameter& parameter : program.parameters) document["parameters"][parameter.name] = to_display(parameter.value);
  for (const std::size_t index : plan.order) {
    const program::Step& step = program.steps[index];
    Json object{{"step", step.name}, {"kind", verb(step.kind)}, {"memo_key", plan.steps[index].key.digest}};
    object["key_components"] = Json::object();
    for (const plan::KeyComponent& component : plan.steps[index].key.components) object["key_components"][component.name] = component.digest;
    if (step.kind == program::StepKind::update) {
      object["table"] = table_name(program, step);
      object["columns"] = Json::array();
      for (const program::Assignment& set : step.assignments)
        object["columns"].push_back(program.table(step.target).columns[static_cast<std::size_t>(set.column)].name);
      object["class"] = word(step.idempotence);
      object["route"] = word(step.route);
      object["route_reason"] = step.route_reason;
    }
    if (!step.assertions.empty()) {
      object["asserts"] = Json::array();
      for (const program::Assertion& assertion : step.assertions) object["asserts"].push_back(assertion.text);
    }
    if (index < previews.size()) {
      const run::Preview& preview = previews[index];
      object["decision"] = word(preview.decision.kind);
      object["reason"] = preview.decision.why;
      object["changed_components"] = preview.decision.changed;
      if (preview.would_change >= 0) object["would_change"] = preview.would_change;
      if (preview.table_rows >= 0) object["table_rows"] = preview.table_rows;
      object["sql"] = preview.sql;
      object["sample"] = preview.sample;
      if (!preview.proof.empty()) object["proof"] = preview.proof;
    }
    document["steps"].push_back(std::move(object));
  }
  for (const plan::Edge& edge : plan.edges)
    document["edges"].push_back({{"from", program.steps[edge.from].name}, {"to", program.steps[edge.to].name}, {"reason", plan::describe(edge, program)}});
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bfl::report
