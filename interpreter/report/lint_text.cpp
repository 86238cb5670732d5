#include "interpreter/report/lint_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "interpreter/base/diagnostic_render.h"
#include "interpreter/base/digest.h"
#include "interpreter/report/words.h"

namespace bfl::report {

namespace {

using Json = nlohmann::ordered_json;

std::string_view word(Severity severity) { return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note"; }
std::string_view word(lint::Needs needs) { return needs == lint::Needs::script ? "script" : "catalogue"; }

Diagnostic diagnostic_of(const lint::Finding& finding) {
  Diagnostic diagnostic;
  diagnostic.severity = finding.severity;
  diagnostic.message = finding.message;
  diagnostic.span = finding.span;
  diagnostic.help = finding.help;
  diagnostic.notes.push_back(fmt::format("{}: `bfl explain {}`", finding.rule->name, finding.rule->code));
  return diagnostic;
}

std::string written(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

// Of a position in bytes the one in characters, as SARIF counts them here.
std::size_t characters(const SourceFile& file, Position position) {
  const std::string_view line = file.line(position.line).substr(0, position.column - 1);
  return 1 + static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string names_of(const std::vector<const lint::Rule*>& rules) {
  std::string names;
  for (const lint::Rule* rule : rules) names += fmt::format("{}{}", names.empty() ? "" : ", ", rule->name);
  return names;
}

std::vector<std::pair<const LintedFile&, const lint::Finding&>> of_severity(const std::vector<LintedFile>& files, Severity severity) {
  std::vector<std::pair<const LintedFile&, const lint::Finding&>> found;
  for (const LintedFile& file : files)
    for (const lint::Finding& finding : file.report.findings)
      if (finding.severity == severity) found.emplace_back(file, finding);
  return found;
}

// What GitHub reads as the end of a property or of the message.
std::string escaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%') out += "%25";
    else if (c == '\n') out += "%0A";
    else if (c == '\r') out += "%0D";
    else if (property && c == ':') out += "%3A";
    else if (property && c == ',') out += "%2C";
    else out += c;
  }
  return out;
}

}  // namespace

std::string lint_text(const std::vector<LintedFile>& files, RenderStyle style) {
  std::string out;
  std::size_t counts[3] = {};
  std::map<const lint::Rule*, std::string> off;
  for (const LintedFile& file : files) {
    for (const lint::Finding& finding : file.report.findings) {
      out += render_as(finding.rule->code, diagnostic_of(finding), *file.sources, style) + "\n";
      ++counts[static_cast<std::size_t>(finding.severity)];
    }
    for (const auto& [rule, reason] : file.report.off) off.emplace(rule, reason);
    if (!file.report.left_out.empty())
      out += fmt::format("{}: {} rules were left out, {}: {}\n", file.path, file.report.left_out.size(), file.why_left_out, names_of(file.report.left_out));
  }
  for (const auto& [rule, reason] : off) out += fmt::format("{} {} is off in this project: {}\n", rule->code, rule->name, reason);
  const auto part = [&](Severity severity, std::string_view one) { return counted(static_cast<std::int64_t>(counts[static_cast<std::size_t>(severity)]), one, std::string(one) + "s"); };
  if (counts[0] + counts[1] + counts[2] == 0) return out + "nothing found\n";
  return out + fmt::format("{}, {}, {}\n", part(Severity::error, "error"), part(Severity::warning, "warning"), part(Severity::note, "note"));
}

std::string lint_json(const std::vector<LintedFile>& files) {
  Json document{{"files", Json::array()}};
  for (const LintedFile& file : files) {
    Json one{{"path", file.path}, {"findings", Json::array()}, {"left_out", Json::array()}};
    for (const lint::Finding& finding : file.report.findings) {
      Json object = Json::parse(to_json(diagnostic_of(finding), *file.sources), nullptr, false);
      object["code"] = finding.rule->code;
      object["rule"] = finding.rule->name;
      object.erase("notes");
      object["fixes"] = Json::array();
      for (const lint::Edit& edit : finding.fix) object["fixes"].push_back({{"begin", edit.span.begin}, {"end", edit.span.end}, {"text", edit.text}});
      one["findings"].push_back(std::move(object));
    }
    for (const lint::Rule* rule : file.report.left_out) one["left_out"].push_back(rule->name);
    if (!file.report.left_out.empty()) one["why_left_out"] = file.why_left_out;
    one["off"] = Json::array();
    for (const auto& [rule, reason] : file.report.off) one["off"].push_back({{"rule", rule->name}, {"reason", reason}});
    document["files"].push_back(std::move(one));
  }
  return written(document);
}

std::string lint_sarif(const std::vector<LintedFile>& files) {
  Json rules = Json::array(), results = Json::array(), notices = Json::array();
  for (const lint::Rule& rule : lint::rules())
    rules.push_back({{"id", rule.code},
                     {"name", rule.name},
                     {"shortDescription", {{"text", rule.title}}},
                     {"fullDescription", {{"text", rule.reason}}},
                     {"help", {{"text", fmt::format("{} `bfl explain {}` shows an example.", rule.reason, rule.code)}}},
                     {"defaultConfiguration", {{"level", word(rule.severity)}}},
                     {"properties", {{"tags", {"bfl", word(rule.needs)}}}}});
  for (const LintedFile& file : files) {
    std::string uri = file.path.starts_with("./") ? file.path.substr(2) : file.path;
    std::replace(uri.begin(), uri.end(), '\\', '/');
    for (const lint::Finding& finding : file.report.findings) {
      const SourceFile& text = file.sources->file(finding.span.file);
      const Position begin = text.position(finding.span.begin), end = text.position(finding.span.end);
      Hasher hasher;  // the same finding is known again when lines above it come or go
      hasher.field("lint finding 1").field(finding.rule->code).field(uri).field(text.line(begin.line)).field(finding.message);
      results.push_back({{"ruleId", finding.rule->code},
                         {"ruleIndex", finding.rule - lint::rules().data()},
                         {"level", word(finding.severity)},
                         {"message", {{"text", finding.help.empty() ? finding.message : finding.message + "; " + finding.help}}},
                         {"locations", {{{"physicalLocation",
                                          {{"artifactLocation", {{"uri", uri}, {"uriBaseId", "%SRCROOT%"}}},
                                           {"region", {{"startLine", begin.line}, {"startColumn", characters(text, begin)}, {"endLine", end.line}, {"endColumn", characters(text, end)}}}}}}}},
                         {"partialFingerprints", {{"bflLint/v1", hex(hasher.finish())}}}});
    }
    if (!file.report.left_out.empty())
      notices.push_back({{"level", "note"}, {"message", {{"text", fmt::format("{}: {} rules were left out, {}: {}", file.path, file.report.left_out.size(), file.why_left_out, names_of(file.report.left_out))}}}});
  }
  const Json driver{{"name", "bfl"}, {"version", BFL_VERSION}, {"rules", std::move(rules)}};
  return written({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                  {"version", "2.1.0"},
                  {"runs", {{{"tool", {{"driver", driver}}},
                             {"columnKind", "unicodeCodePoints"},
                             {"invocations", {{{"executionSuccessful", true}, {"toolExecutionNotifications", std::move(notices)}}}},
                             {"results", std::move(results)}}}}});
}

std::string lint_github(const std::vector<LintedFile>& files) {
  std::string out;
  // GitHub shows the first ten of a kind: the gravest come first.
  for (const Severity grave : {Severity::error, Severity::warning, Severity::note})
    for (const auto& [file, finding] : of_severity(files, grave)) {
      const SourceFile& text = file.sources->file(finding.span.file);
      const Position begin = text.position(finding.span.begin), end = text.position(finding.span.end);
      const std::string_view kind = finding.severity == Severity::note ? "notice" : word(finding.severity);
      // GitHub takes columns only of annotations of one line.
      const std::string columns = begin.line == end.line ? fmt::format(",col={},endColumn={}", characters(text, begin), characters(text, end)) : "";
      out += fmt::format("::{} file={},line={},endLine={}{},title={}::{}\n", kind, escaped(file.path, true), begin.line, end.line, columns,
                         escaped(fmt::format("{} {}", finding.rule->code, finding.rule->name), true),
                         escaped(finding.help.empty() ? finding.message : finding.message + "\n" + finding.help, false));
    }
  return out;
}

std::string list_of_rules() {
  std::string text;
  for (const lint::Rule& rule : lint::rules()) text += fmt::format("{}  {:<8} {:<9}  {:<22}  {}\n", rule.code, word(rule.severity), word(rule.needs), rule.name, rule.title);
  return text;
}

std::string explain(const lint::Rule& rule) {
  return fmt::format("{} {} ({}, needs the {}): {}\n\n{}\n\nfor example\n\n{}\nmended\n\n{}\nto allow it at one place: # bfl:allow {} REASON\n", rule.code, rule.name, word(rule.severity),
                     word(rule.needs), rule.title, rule.reason, indented(rule.failing), indented(rule.passing), rule.name);
}

std::string explanation_json(const lint::Rule& rule) {
  const Json object{{"code", rule.code}, {"rule", rule.name}, {"severity", word(rule.severity)}, {"needs", word(rule.needs)}, {"title", rule.title},
                    {"why", rule.reason}, {"failing", rule.failing}, {"mended", rule.passing}};
  return object.dump(2);
}

}  // namespace bfl::report
