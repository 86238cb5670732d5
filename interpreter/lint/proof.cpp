// 3xx and 6xx of the script: what a job proves, and what it says of itself.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/check/check.h"
#include "interpreter/lint/subject.h"
#include "interpreter/syntax/format.h"

namespace bfl::lint {

using ast::NodeId, ast::NodeKind;

namespace {

bool has_step(const Subject& subject, std::string_view verb) {
  const auto steps = subject.all(NodeKind::step);
  return std::any_of(steps.begin(), steps.end(), [&](NodeId id) { return subject.at(id).word == verb; });
}

bool has_entry(const Subject& subject, NodeId job, std::string_view word) {
  const auto entries = subject.children(job);
  return std::any_of(entries.begin(), entries.end(), [&](NodeId id) { return subject.at(id).word == word; });
}

// Statements `assert` of steps of that verb; of all when it is empty.
std::vector<NodeId> assertions(const Subject& subject, std::string_view verb) {
  std::vector<NodeId> list;
  for (const NodeId step : subject.all(NodeKind::step))
    if (verb.empty() || subject.at(step).word == verb)
      for (const NodeId statement : subject.clauses(step, "assert")) list.push_back(statement);
  return list;
}

}  // namespace

void missing_verify(const Subject& subject, Findings& findings) {
  const NodeId job = subject.job();
  if (job == ast::no_node || subject.steps().empty() || has_step(subject, "verify") || !subject.all(NodeKind::apply).empty()) return;
  findings.add(subject.at(job).name_span, "the job changes rows and proves nothing", "add `verify NAME { assert … }`");
}

void constant_assertion(const Subject& subject, Findings& findings) {
  for (const NodeId id : assertions(subject, {}))
    if (!subject.names_something(subject.at(id).first_child)) findings.add(subject.at(subject.at(id).first_child).span, "this assertion looks at no data", "ask about rows: `assert count(wrong) == 0`");
}

void message_missing(const Subject& subject, Findings& findings) {
  for (const NodeId id : assertions(subject, "check"))
    if (ast::child_count(subject.file, id) < 2) findings.add(subject.at(id).span, "the check has no words of its own", "add a text behind the condition: what it means that it fails");
}

void missing_test(const Subject& subject, Findings& findings) {
  const NodeId job = subject.job();
  if (job != ast::no_node && !subject.steps().empty() && !has_step(subject, "test"))
    findings.add(subject.at(job).name_span, "the job has no test", "add `test \"…\" { given TABLE [ … ] expect TABLE [ … ] }`");
}

void missing_why(const Subject& subject, Findings& findings) {
  const NodeId job = subject.job();
  if (job != ast::no_node && !has_entry(subject, job, "why")) findings.add(subject.at(job).name_span, "the job does not say why", "add `why \"…\"`: what was wrong, and since when");
}

void missing_owner(const Subject& subject, Findings& findings) {
  const NodeId job = subject.job();
  if (job != ast::no_node && !has_entry(subject, job, "owner")) findings.add(subject.at(job).name_span, "the job does not say who answers for it", "add `owner \"…\"`");
}

void unused_use(const Subject& subject, Findings& findings) {
  std::set<std::string, std::less<>> called;
  for (const NodeKind kind : {NodeKind::call, NodeKind::apply})
    for (const NodeId id : subject.all(kind)) called.emplace(subject.at(id).text);
  for (const NodeId id : subject.all(NodeKind::use)) {
    const std::string_view module = subject.at(id).text;
    if (!module.starts_with("std.")) continue;  // what a module of the project holds is not known here
    Sources library_texts;
    const auto functions = check::documentation(*check::load_library(library_texts));
    if (std::any_of(functions.begin(), functions.end(), [&](const auto& f) { return "std." + f.module == module && called.contains(f.name); })) continue;
    if (module == "std.recipes" && !subject.all(NodeKind::apply).empty()) continue;
    Finding& found = findings.add(subject.at(id).span, fmt::format("nothing of `{}` is used", module), "leave the line out");
    found.fix.push_back({subject.at(id).span, ""});
  }
}

void unused_alias(const Subject& subject, Findings& findings) {
  for (const NodeId alias : subject.all(NodeKind::alias)) {
    if (subject.at(subject.parent(alias)).kind == NodeKind::apply) continue;  // a prefix
    NodeId item = alias;
    while (subject.parent(item) != ast::no_node && subject.parent(item) != subject.file.root) item = subject.parent(item);
    const NodeId relation = subject.parent(alias);
    const NodeId of = subject.parent(relation);
    const bool joined = of != ast::no_node && subject.at(of).kind == NodeKind::clause && subject.at(of).word != "from";
    if (joined) continue;  // it names what is joined, even where no column of it is used
    const std::string_view name = subject.at(alias).text;
    if (subject.any(item, [&](NodeId id) { return id != alias && subject.at(id).kind == NodeKind::name && subject.at(id).text == name; })) continue;
    Finding& found = findings.add(subject.at(alias).span, fmt::format("the alias `{}` is never used", name), "leave it out");
    found.fix.push_back({subject.at(alias).span, ""});
  }
}

void not_canonical(const Subject& subject, Findings& findings) {
  const auto canonical = syntax::format(subject.file, subject.sources);
  if (!canonical) return;
  const std::string_view text = subject.sources.file(subject.file.source).text();
  if (*canonical == text) return;
  const auto differ = std::mismatch(text.begin(), text.end(), canonical->begin(), canonical->end());
  const auto at = static_cast<std::uint32_t>(std::min<std::size_t>(static_cast<std::size_t>(differ.first - text.begin()), text.size() - 1));
  findings.add({at, at + 1, subject.file.source}, "the layout is not the canonical one from here on", "`bfl fmt` writes it");
}

}  // namespace bfl::lint
