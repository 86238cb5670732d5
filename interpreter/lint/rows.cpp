// 1xx and 2xx of the script: which rows a step takes, and how it walks them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "interpreter/lint/subject.h"

namespace bfl::lint {

using ast::NodeId, ast::NodeKind, ast::Op;

namespace {

NodeId relation_of(const Subject& subject, NodeId step) { return ast::child(subject.file, step, NodeKind::relation); }

// `a and b and c` as a, b, c.
void conjuncts(const Subject& subject, NodeId condition, std::vector<NodeId>& into) {
  const ast::Node& node = subject.at(condition);
  if (node.kind != NodeKind::binary || node.op != Op::and_) return into.push_back(condition);
  for (const NodeId side : subject.children(condition)) conjuncts(subject, side, into);
}

// The conditions of each relation and step, `where` by `where`.
std::vector<std::vector<NodeId>> conditions(const Subject& subject) {
  std::map<NodeId, std::vector<NodeId>> by_owner;
  for (const NodeKind kind : {NodeKind::clause, NodeKind::statement})
    for (const NodeId clause : subject.all(kind))
      if (subject.at(clause).word == "where" && subject.at(clause).first_child != ast::no_node)
        conjuncts(subject, subject.at(clause).first_child, by_owner[subject.parent(clause)]);
  std::vector<std::vector<NodeId>> all;
  for (auto& [owner, list] : by_owner) all.push_back(std::move(list));
  return all;
}

bool is_literal(NodeKind kind) {
  return kind == NodeKind::integer || kind == NodeKind::decimal || kind == NodeKind::string || kind == NodeKind::date || kind == NodeKind::timestamp ||
         kind == NodeKind::true_ || kind == NodeKind::false_ || kind == NodeKind::null_;
}

std::int64_t number_of(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

void each_chunk(const Subject& subject, const std::function<void(NodeId, std::int64_t)>& see) {
  for (const NodeId step : subject.steps())
    for (const NodeId clause : subject.clauses(step, "chunk")) {
      const NodeId size = subject.at(clause).first_child;
      if (size != ast::no_node && subject.at(size).kind == NodeKind::integer) see(size, number_of(subject.at(size).text));
    }
}

}  // namespace

void unfiltered_delete(const Subject& subject, Findings& findings) {
  for (const NodeId step : subject.steps()) {
    const NodeId relation = relation_of(subject, step);
    if (subject.at(step).word != "delete" || relation == ast::no_node) continue;
    const NodeId operand = subject.at(relation).first_child;
    if (operand == ast::no_node || subject.at(operand).kind != NodeKind::member) continue;  // a `let` has its own conditions
    constexpr std::string_view choosing[] = {"where", "skip", "join", "limit"};
    const bool chosen = std::any_of(std::begin(choosing), std::end(choosing), [&](std::string_view word) { return !subject.clauses(step, word).empty(); });
    if (!chosen) findings.add(subject.at(relation).span, fmt::format("every row of `{}` is deleted", subject.text(operand)), "add a `where`, or say why: `# bfl:allow unfiltered-delete REASON`");
  }
}

void constant_filter(const Subject& subject, Findings& findings) {
  for (const auto& list : conditions(subject))
    for (const NodeId condition : list)
      if (!subject.names_something(condition)) findings.add(subject.at(condition).span, "this condition looks at no row", "name a column, or leave the condition out");
}

void repeated_filter(const Subject& subject, Findings& findings) {
  for (const auto& list : conditions(subject))
    for (std::size_t i = 0; i < list.size(); ++i)
      if (std::any_of(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), [&](NodeId before) { return subject.text(before) == subject.text(list[i]); }))
        findings.add(subject.at(list[i]).span, fmt::format("`{}` is asked already", subject.text(list[i])), "leave it out, or write the condition that was meant");
}

void contradicting_filter(const Subject& subject, Findings& findings) {
  for (const auto& list : conditions(subject)) {
    std::map<std::string_view, NodeId> asked;  // by the text of the left side: the literal that it has to be
    for (const NodeId condition : list) {
      const ast::Node& node = subject.at(condition);
      if (node.kind != NodeKind::binary || node.op != Op::equal) continue;
      const auto sides = subject.children(condition);
      if (!is_literal(subject.at(sides[1]).kind) || is_literal(subject.at(sides[0]).kind)) continue;
      const auto [known, fresh] = asked.emplace(subject.text(sides[0]), sides[1]);
      if (!fresh && subject.text(known->second) != subject.text(sides[1]))
        findings.add(node.span, fmt::format("`{}` is to be {} as well: no row is both", subject.text(sides[0]), subject.text(known->second)), "write `or`, or `in (…)`");
    }
  }
}

void clock_in_filter(const Subject& subject, Findings& findings) {
  for (const auto& list : conditions(subject))
    for (const NodeId condition : list)
      subject.any(condition, [&](NodeId id) {
        const bool clock = subject.at(id).kind == NodeKind::call && subject.at(id).text == "now" && subject.at(id).first_child == ast::no_node;
        if (clock) findings.add(subject.at(id).span, "the rows depend on when the job is run", "declare `param at: timestamp = …` and write `at`");
        return false;
      });
}

void limited_step(const Subject& subject, Findings& findings) {
  for (const NodeId step : subject.steps()) {
    if (subject.at(step).word != "update" && subject.at(step).word != "delete") continue;
    for (const NodeId clause : subject.clauses(step, "limit"))
      findings.add(subject.at(clause).span, "the step leaves rows behind its `limit` as they are", "leave `limit` out; `bfl run --limit-chunks N` goes slowly");
  }
}

void missing_row_bound(const Subject& subject, Findings& findings) {
  const NodeId job = subject.job();
  if (job == ast::no_node || subject.steps().empty()) return;
  for (const NodeId step : subject.all(NodeKind::step)) {
    if (!subject.clauses(step, "expect").empty()) return;
    if (subject.at(step).word == "check" && subject.any(step, [&](NodeId id) { return subject.at(id).kind == NodeKind::call && subject.at(id).text == "count"; })) return;
  }
  if (!subject.all(NodeKind::apply).empty()) return;  // what a recipe holds is not seen here
  findings.add(subject.at(job).name_span, "nothing bounds how many rows the job changes", "add `expect changed <= N` to the step, or a `check` that counts its rows");
}

void unbounded_delete(const Subject& subject, Findings& findings) {
  for (const NodeId step : subject.steps())
    if (subject.at(step).word == "delete" && subject.clauses(step, "expect").empty())
      findings.add(subject.at(step).name_span, fmt::format("nothing bounds how many rows `{}` deletes", subject.at(step).text), "add `expect changed <= N` to the step");
}

void skip_without_reason(const Subject& subject, Findings& findings) {
  for (const NodeId id : subject.all(NodeKind::else_skip))
    if (subject.at(id).first_child == ast::no_node) findings.add(subject.at(id).span, "rows are left out without a reason", "write one: `else skip \"customer is gone\"`");
  for (const NodeId id : subject.all(NodeKind::clause))
    if (subject.at(id).word == "skip" && ast::child_count(subject.file, id) < 2)
      findings.add(subject.at(id).name_span, "rows are left out without a reason", "write one: `skip where C \"already paid\"`");
}

void huge_chunk(const Subject& subject, Findings& findings) {
  each_chunk(subject, [&](NodeId size, std::int64_t rows) {
    if (rows > 20'000) findings.add(subject.at(size).span, "a chunk of this size holds its locks for long", "write at most `chunk 20_000`, or leave it to bfl");
  });
}

void tiny_chunk(const Subject& subject, Findings& findings) {
  each_chunk(subject, [&](NodeId size, std::int64_t rows) {
    if (rows < 10) findings.add(subject.at(size).span, "a chunk of this size is mostly checkpoint", "leave the size to bfl");
  });
}

}  // namespace bfl::lint
