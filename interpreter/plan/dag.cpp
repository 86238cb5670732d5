#include "interpreter/plan/dag.h"

#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <functional>
#include <queue>
#include <tuple>
#include <unordered_map>

// Boost.Graph has its one place here. Its headers shadow names of their own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/range/iterator_range.hpp>
#pragma GCC diagnostic pop

namespace bfl::plan {
namespace {

using program::ColumnUse;
// The edge's place in Dag::edges goes along, so that a cycle can be told with its reasons.
using Graph = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, std::size_t>;

constexpr std::size_t nobody = static_cast<std::size_t>(-1);
constexpr std::size_t most_parts_shown = 10;  // of a cycle

// What the steps so far, in the order of the text, did to one column. Whoever writes next waits for the readers since the
// last writer, who waited for that writer: so the edges stay linear in the columns used, however many steps share one.
struct ColumnHistory {
  std::size_t writer = nobody;
  std::vector<std::size_t> readers;
};

struct ColumnHash {
  std::size_t operator()(const ColumnUse& use) const {
    const auto table = static_cast<std::uint64_t>(static_cast<std::uint32_t>(use.table.table)) << 20;
    const auto source = static_cast<std::uint64_t>(static_cast<std::uint32_t>(use.table.source)) << 44;
    return std::hash<std::uint64_t>{}(source ^ table ^ static_cast<std::uint32_t>(use.column + 1));
  }
};

// The strongest first: what a step must see outranks what it must not disturb; a named column outranks "which rows".
auto rank(const Edge& edge) {
  static constexpr int strength[] = {0, 2, 1, 3, 4};  // in step with EdgeReason
  return std::tuple(strength[static_cast<std::size_t>(edge.reason)], edge.use.column < 0, edge.use);
}

class Collector {
 public:
  explicit Collector(const program::Program& program) : program_(program) { columns_.reserve(program.steps.size() * 2); }

  std::vector<Edge> collect() {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      found_.clear();
      const program::Step& step = program_.steps[i];
      for (const ColumnUse& use : step.reads) read(i, use);
      for (const ColumnUse& use : step.writes) write(i, use);
      for (const std::size_t earlier : step.after) found_.push_back({earlier, i, EdgeReason::by_hand, {}});
      const bool check = step.kind == program::StepKind::check;
      if (guard_ != nobody && (check || !step.writes.empty())) found_.push_back({guard_, i, EdgeReason::guarded, {}});
      if (check) guard_ = i;
      keep_strongest();
    }
    return std::move(edges_);
  }

 private:
  void read(std::size_t step, const ColumnUse& use) {
    ColumnHistory& column = columns_[use];
    if (column.writer != nobody) found_.push_back({column.writer, step, EdgeReason::writes_then_reads, use});
    column.readers.push_back(step);
  }

  void write(std::size_t step, const ColumnUse& use) {
    ColumnHistory& column = columns_[use];
    bool waits = false;
    for (const std::size_t reader : column.readers) {
      if (reader == step) continue;
      found_.push_back({reader, step, EdgeReason::reads_then_writes, use});
      waits = true;
    }
    if (!waits && column.writer != nobody) found_.push_back({column.writer, step, EdgeReason::both_write, use});
    column.writer = step;
    column.readers.clear();
  }

  void keep_strongest() {
    std::sort(found_.begin(), found_.end(), [](const Edge& a, const Edge& b) { return a.from != b.from ? a.from < b.from : rank(a) < rank(b); });
    for (const Edge& edge : found_)
      if (edges_.empty() || edges_.back().to != edge.to || edges_.back().from != edge.from) edges_.push_back(edge);
  }

  const program::Program& program_;
  std::size_t guard_ = nobody;       // the last check so far
  std::unordered_map<ColumnUse, ColumnHistory, ColumnHash> columns_;
  std::vector<Edge> found_, edges_;  // of the step at hand; of all
};

Graph graph_of(const std::vector<Edge>& edges, std::size_t steps) {
  std::vector<std::pair<std::size_t, std::size_t>> ends;
  std::vector<std::size_t> places;
  ends.reserve(edges.size());
  places.reserve(edges.size());
  for (const Edge& edge : edges) {
    places.push_back(ends.size());
    ends.emplace_back(edge.from, edge.to);
  }
  return Graph(boost::edges_are_unsorted_multi_pass, ends.begin(), ends.end(), places.begin(), steps);
}

// Kahn's algorithm; of the steps that wait for nothing the first of the text. Shorter than the steps when there is a cycle.
std::vector<std::size_t> topological_order(const Graph& graph) {
  std::vector<std::size_t> waits_for(num_vertices(graph), 0), order;
  for (const auto edge : boost::make_iterator_range(edges(graph))) ++waits_for[target(edge, graph)];
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t step = 0; step < waits_for.size(); ++step)
    if (waits_for[step] == 0) ready.push(step);
  order.reserve(waits_for.size());
  while (!ready.empty()) {
    const std::size_t step = ready.top();
    ready.pop();
    order.push_back(step);
    for (const auto edge : boost::make_iterator_range(out_edges(step, graph)))
      if (--waits_for[target(edge, graph)] == 0) ready.push(target(edge, graph));
  }
  return order;
}

// The shortest way from `start` to `goal` within their component, as places of edges.
std::vector<std::size_t> shortest_path(const Graph& graph, const std::vector<std::size_t>& component, std::size_t start, std::size_t goal) {
  std::unordered_map<std::size_t, std::size_t> came_by;  // step -> place of the edge; BFS, so the first is the shortest
  std::unordered_map<std::size_t, std::size_t> came_from;
  std::deque<std::size_t> queue{start};
  while (!queue.empty() && (start == goal || !came_by.contains(goal))) {
    const std::size_t step = queue.front();
    queue.pop_front();
    for (const auto edge : boost::make_iterator_range(out_edges(step, graph))) {
      const std::size_t next = target(edge, graph);
      if (component[next] != component[start] || next == start || !came_by.emplace(next, graph[edge]).second) continue;
      came_from[next] = step;
      queue.push_back(next);
    }
  }
  std::vector<std::size_t> path;
  for (std::size_t step = goal; step != start; step = came_from.at(step)) path.push_back(came_by.at(step));
  std::reverse(path.begin(), path.end());
  return path;
}

// Data conflicts follow the text, so each cycle holds an `after` that goes against it: one is shown per tangle of steps.
void diagnose(const program::Program& program, const std::vector<Edge>& edges, const Graph& graph, Diagnostics& diagnostics) {
  std::vector<std::size_t> component(num_vertices(graph));
  boost::strong_components(graph, boost::make_iterator_property_map(component.begin(), get(boost::vertex_index, graph)));
  std::vector<bool> told(component.size(), false);
  for (const Edge& edge : edges) {
    if (edge.from < edge.to || component[edge.from] != component[edge.to] || told[component[edge.from]]) continue;
    told[component[edge.from]] = true;
    const program::Step &waits = program.steps[edge.to], &named = program.steps[edge.from];
    if (edge.from == edge.to) {
      diagnostics.error(Code::dependency_cycle, waits.name_span, fmt::format("`{0}` waits for itself: {0} -> {0}", waits.name),
                        fmt::format("remove `after {}` from `{}`", waits.name, waits.name));
      continue;
    }
    std::string path = waits.name;
    std::vector<Label> labels;
    std::vector<std::string> notes;
    const auto parts = shortest_path(graph, component, edge.to, edge.from);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i == most_parts_shown && parts.size() > i + 1) {
        path += fmt::format(" -> … {} more …", parts.size() - i - 1);
        i = parts.size() - 1;
      }
      const Edge& part = edges[parts[i]];
      path += " -> " + program.steps[part.to].name;
      labels.push_back({program.steps[part.to].name_span, fmt::format("waits for `{}`", program.steps[part.from].name)});
      notes.push_back(describe(part, program));
    }
    path += " -> " + waits.name;
    notes.push_back(describe(edge, program));
    Diagnostic& found = diagnostics.error(Code::dependency_cycle, waits.name_span, "steps wait for each other: " + path,
                                          fmt::format("remove `after {}` from `{}`, or move `{}` behind `{}`", named.name, waits.name, waits.name, named.name));
    found.label = fmt::format("waits for `{}`", named.name);
    found.labels = std::move(labels);
    found.notes = std::move(notes);
  }
}

}  // namespace

Dag order_steps(const program::Program& program, Diagnostics& diagnostics) {
  Dag dag;
  dag.edges = Collector(program).collect();
  const Graph graph = graph_of(dag.edges, program.steps.size());
  dag.order = topological_order(graph);
  if (dag.order.size() < program.steps.size()) {
    diagnose(program, dag.edges, graph, diagnostics);
    dag.order.clear();
  }
  return dag;
}

}  // namespace bfl::plan
