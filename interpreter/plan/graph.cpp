// The plan's graph as people and other programs read it: text, Graphviz, Mermaid, JSON.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/plan/plan.h"

namespace bfl::plan {
namespace {

std::string table_name(const program::ColumnUse& use, const program::Program& program) {
  return program.shown(use.table);
}

std::string titled(const program::Step& step) { return fmt::format("{} {}", name_of(step.kind), step.name); }

std::string escaped(std::string_view text, std::string_view quote) {
  std::string out;
  for (const char c : text) {
    if (c == '"') out += quote;
    else if (c == '\\' && quote == "\\\"") out += "\\\\";
    else out += c;
  }
  return out;
}

std::string dot(std::string_view text) { return "\"" + escaped(text, "\\\"") + "\""; }
std::string mermaid(std::string_view text) { return "\"" + escaped(text, "#quot;") + "\""; }

// Where the edges that lead to each step begin; edges come ordered by `to`.
std::vector<std::size_t> first_edges(const Plan& plan, std::size_t steps) {
  std::vector<std::size_t> first(steps + 1, plan.edges.size());
  for (std::size_t i = plan.edges.size(); i-- > 0;) first[plan.edges[i].to] = i;
  for (std::size_t step = steps; step-- > 0;) first[step] = std::min(first[step], first[step + 1]);
  return first;
}

}  // namespace

std::string_view name_of(EdgeReason reason) {
  switch (reason) {
    case EdgeReason::writes_then_reads: return "writes_then_reads";
    case EdgeReason::reads_then_writes: return "reads_then_writes";
    case EdgeReason::both_write: return "both_write";
    case EdgeReason::by_hand: return "by_hand";
    case EdgeReason::guarded: return "guarded";
  }
  return "";
}

std::string_view name_of(program::StepKind kind) {
  switch (kind) {
    case program::StepKind::check: return "check";
    case program::StepKind::snapshot: return "snapshot";
    case program::StepKind::update: return "update";
    case program::StepKind::insert: return "insert";
    case program::StepKind::upsert: return "upsert";
    case program::StepKind::remove: return "delete";
    case program::StepKind::verify: return "verify";
    case program::StepKind::sql: return "sql";
  }
  return "";
}

std::string name_of(const program::ColumnUse& use, const program::Program& program) {
  if (use.column < 0) return table_name(use, program);
  return table_name(use, program) + "." + program.table(use.table).columns[static_cast<std::size_t>(use.column)].name;
}

std::string describe(const Edge& edge, const program::Program& program) {
  const std::string &from = program.steps[edge.from].name, &to = program.steps[edge.to].name;
  if (edge.reason == EdgeReason::by_hand) return fmt::format("{} says `after {}`", to, from);
  if (edge.reason == EdgeReason::guarded)
    return program.steps[edge.to].kind == program::StepKind::check ? fmt::format("the checks {} and {} guard together what stands behind them", from, to)
                                                                   : fmt::format("the check {} guards what stands behind it", from);
  const std::string shared = edge.use.column < 0 ? "which rows " + table_name(edge.use, program) + " has" : name_of(edge.use, program);
  switch (edge.reason) {
    case EdgeReason::writes_then_reads: return fmt::format("{} writes {}, which {} reads", from, shared, to);
    case EdgeReason::reads_then_writes: return fmt::format("{} reads {} before {} writes it", from, shared, to);
    case EdgeReason::both_write: return fmt::format("{} and {} both write {}", from, to, shared);
    case EdgeReason::by_hand:
    case EdgeReason::guarded: break;
  }
  return {};
}

std::string to_text(const Plan& plan, const program::Program& program) {
  const auto first = first_edges(plan, program.steps.size());
  auto counted = [](std::size_t number, std::string_view what) { return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s"); };
  std::string out = fmt::format("{}: {}, {}\n", program.job, counted(program.steps.size(), "step"), counted(plan.edges.size(), "edge"));
  for (const std::size_t step : plan.order) {
    out += fmt::format("\n{}\n", titled(program.steps[step]));
    for (std::size_t i = first[step]; i < first[step + 1]; ++i)
      out += fmt::format("  after {}: {}\n", program.steps[plan.edges[i].from].name, describe(plan.edges[i], program));
  }
  return out;
}

std::string to_dot(const Plan& plan, const program::Program& program) {
  std::string out = fmt::format("digraph {} {{\n  node [shape=box];\n", dot(program.job));
  for (const std::size_t step : plan.order)
    out += fmt::format("  s{} [label={}];\n", step, dot(titled(program.steps[step])));
  for (const Edge& edge : plan.edges) out += fmt::format("  s{} -> s{} [label={}];\n", edge.from, edge.to, dot(describe(edge, program)));
  return out + "}\n";
}

std::string to_mermaid(const Plan& plan, const program::Program& program) {
  std::string out = "flowchart TD\n";
  for (const std::size_t step : plan.order)
    out += fmt::format("  s{}[{}]\n", step, mermaid(titled(program.steps[step])));
  for (const Edge& edge : plan.edges) out += fmt::format("  s{} -->|{}| s{}\n", edge.from, mermaid(describe(edge, program)), edge.to);
  return out;
}

std::string to_json(const Plan& plan, const program::Program& program) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array(), edges = nlohmann::ordered_json::array();
  for (const std::size_t step : plan.order) steps.push_back({{"step", program.steps[step].name}, {"kind", name_of(program.steps[step].kind)}});
  for (const Edge& edge : plan.edges) {
    nlohmann::ordered_json object{{"from", program.steps[edge.from].name}, {"to", program.steps[edge.to].name}, {"reason", name_of(edge.reason)}};
    if (edge.reason != EdgeReason::by_hand && edge.reason != EdgeReason::guarded) object["column"] = name_of(edge.use, program);
    object["text"] = describe(edge, program);
    edges.push_back(std::move(object));
  }
  const nlohmann::ordered_json document{{"job", program.job}, {"steps", steps}, {"edges", edges}};
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace bfl::plan
