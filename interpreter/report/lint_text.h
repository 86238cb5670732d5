// What lint found, for people and programs: drawn, JSON, SARIF 2.1.0, and the annotations that GitHub shows beside the lines.
#pragma once
#include <string>
#include <vector>

#include "interpreter/lint/lint.h"

namespace bfl::report {

struct LintedFile {
  std::string path;              // as typed; programs get it with `/`
  const Sources* sources;
  lint::Report report;
  std::string why_left_out;      // empty: nothing was
};

std::string lint_text(const std::vector<LintedFile>& files, RenderStyle style);
std::string lint_json(const std::vector<LintedFile>& files);
std::string lint_sarif(const std::vector<LintedFile>& files);
std::string lint_github(const std::vector<LintedFile>& files);

std::string list_of_rules();
std::string explain(const lint::Rule& rule);
std::string explanation_json(const lint::Rule& rule);

}  // namespace bfl::report
