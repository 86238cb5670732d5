#include "interpreter/lint/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "interpreter/lint/subject.h"
#include "interpreter/syntax/tokens.h"

namespace bfl::lint {

using ast::NodeId, ast::NodeKind;

namespace {

const std::map<std::string_view, std::string_view>& examples() {
  static const std::map<std::string_view, std::string_view> all = {
#include "embedded_lint.inc"
  };
  return all;
}

std::string_view example(std::string_view name, std::string_view which) {
  const auto found = examples().find(std::string(name) + "." + std::string(which));
  return found == examples().end() ? std::string_view() : found->second;
}

struct Allowed {
  Span comment{};
  Span reach{};               // findings that begin in it are taken back
  std::string name;
  bool reason = false, used = false;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// `# bfl:allow RULE reason`. Behind something on its line: that line. On a line of its own: the node that begins below it.
std::vector<Allowed> allowed(const Subject& subject) {
  std::vector<Allowed> list;
  const std::string_view text = subject.sources.file(subject.file.source).text();
  for (const ast::Comment& comment : subject.file.comments) {
    std::string_view said = trimmed(subject.sources.slice(comment.span).substr(1));
    if (!said.starts_with("bfl:allow")) continue;
    said = trimmed(said.substr(9));
    const std::size_t end = std::min(said.find(' '), said.size());
    Allowed one{comment.span, comment.span, std::string(said.substr(0, end)), !trimmed(said.substr(end)).empty()};
    const std::size_t line = comment.span.begin == 0 ? 0 : text.rfind('\n', comment.span.begin - 1) + 1;
    if (!trimmed(text.substr(line, comment.span.begin - line)).empty()) {
      one.reach.begin = static_cast<std::uint32_t>(line);
    } else {
      const std::size_t below = text.find('\n', comment.span.end);
      const ast::Node* widest = nullptr;  // the first node behind the comment, and the outermost of those that begin there
      for (const ast::Node& node : subject.file.nodes)
        if (node.kind != NodeKind::file && node.span.begin >= comment.span.end &&
            (widest == nullptr || node.span.begin < widest->span.begin || (node.span.begin == widest->span.begin && node.span.end > widest->span.end)))
          widest = &node;
      if (below != std::string_view::npos && widest != nullptr) one.reach = widest->span;
    }
    list.push_back(std::move(one));
  }
  return list;
}

const Rule& rule_of(void (*look)(const Subject&, Findings&)) {
  return *std::find_if(rules().begin(), rules().end(), [&](const Rule& rule) { return rule.look == look; });
}

}  // namespace

// What the suppressions themselves come to is found by lint(), when all else has been.
void allow_without_reason(const Subject&, Findings&) {}
void allow_of_nothing(const Subject&, Findings&) {}
void allow_of_unknown(const Subject&, Findings&) {}

std::span<const Rule> rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> list = {
#define BFL_RULE(function, code, name, severity, needs, title, reason) \
  Rule{code, name, Severity::severity, Needs::needs, title, reason, {}, {}, function},
#include "interpreter/lint/rules.def"
#undef BFL_RULE
    };
    for (Rule& rule : list) {
      rule.failing = example(rule.name, "fail");
      rule.passing = example(rule.name, "pass");
    }
    return list;
  }();
  return all;
}

const Rule* rule_named(std::string_view name) {
  const auto same = [&](std::string_view known) {
    return std::equal(name.begin(), name.end(), known.begin(), known.end(), [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  for (const Rule& rule : rules())
    if (same(rule.code) || same(rule.name)) return &rule;
  return nullptr;
}

Report lint(const ast::File& file, const Sources& sources, const program::Program* program, const Levels& levels) {
  const Subject subject(file, sources, program);
  Report report;
  Findings kept;
  std::vector<Allowed> suppressions = allowed(subject);
  const auto off = [&](const Rule& rule) {
    const auto said = levels.find(&rule);
    return said != levels.end() && !said->second.severity;
  };
  for (const Rule& rule : rules()) {
    if (off(rule)) {
      report.off.emplace_back(&rule, levels.at(&rule).reason);
      continue;
    }
    if (rule.needs == Needs::catalogue && program == nullptr) {
      report.left_out.push_back(&rule);
      continue;
    }
    Findings found;
    rule.look(subject, found);
    for (Finding& finding : found.list) {
      finding.rule = &rule;
      const auto takes_back = std::find_if(suppressions.begin(), suppressions.end(), [&](const Allowed& one) {
        return one.reason && rule_named(one.name) == &rule && finding.span.begin >= one.reach.begin && finding.span.begin < one.reach.end;
      });
      if (takes_back != suppressions.end()) takes_back->used = true;
      else kept.list.push_back(std::move(finding));
    }
  }
  const auto add = [&](const Rule& rule, Span span, std::string message, std::string help) -> Finding& {
    Finding& finding = kept.add(span, std::move(message), std::move(help));
    finding.rule = &rule;
    return finding;
  };
  for (const Allowed& one : suppressions) {
    const Rule* meant = rule_named(one.name);
    if (meant == nullptr) {
      std::vector<std::string> known;
      for (const Rule& rule : rules()) known.emplace_back(rule.name);
      const std::string near = nearest(one.name, known);
      add(rule_of(allow_of_unknown), one.comment, fmt::format("there is no rule `{}`", one.name), near.empty() ? "`bfl lint --rules` lists them" : fmt::format("did you mean `{}`?", near));
    } else if (!one.reason) {
      add(rule_of(allow_without_reason), one.comment, "the suppression gives no reason, and suppresses nothing", fmt::format("write `# bfl:allow {} REASON`", meant->name));
    } else if (!one.used && !off(*meant) && !(meant->needs == Needs::catalogue && program == nullptr)) {
      add(rule_of(allow_of_nothing), one.comment, fmt::format("`{}` finds nothing here", meant->name), "remove the comment").fix.push_back({one.comment, ""});
    }
  }
  std::erase_if(kept.list, [&](const Finding& finding) { return off(*finding.rule); });
  for (Finding& finding : kept.list) {
    const auto said = levels.find(finding.rule);
    finding.severity = said == levels.end() ? finding.rule->severity : *said->second.severity;
  }
  report.findings = std::move(kept.list);
  std::stable_sort(report.findings.begin(), report.findings.end(), [](const Finding& a, const Finding& b) { return a.span.begin < b.span.begin; });
  return report;
}

std::string fixed(std::string_view text, const std::vector<Finding>& findings) {
  std::vector<Edit> edits;
  for (const Finding& finding : findings) edits.insert(edits.end(), finding.fix.begin(), finding.fix.end());
  std::stable_sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.span.begin < b.span.begin; });
  std::string out;
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    if (edit.span.begin < at) continue;
    out += text.substr(at, edit.span.begin - at);
    out += edit.text;
    at = edit.span.end;
    if (!edit.text.empty()) continue;
    // What was taken out leaves neither blanks nor an empty line.
    const bool line_ends = at >= text.size() || text[at] == '\n' || text[at] == '\r';
    if (line_ends || (!out.empty() && out.back() == ' '))
      while (!out.empty() && out.back() == ' ') out.pop_back();
    if (line_ends && at < text.size() && (out.empty() || out.back() == '\n')) at = text.find('\n', at) + 1;
  }
  return out += text.substr(std::min(at, text.size()));
}

}  // namespace bfl::lint
