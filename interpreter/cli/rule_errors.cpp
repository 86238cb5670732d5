#include "interpreter/cli/rule_errors.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/syntax/parse.h"

namespace bfl::cli {

bool keeps_rules(Session& session) {
  const auto forbids = [&](const auto& said) { return said.second.severity == Severity::error; };
  if (std::none_of(session.levels.begin(), session.levels.end(), forbids)) return true;
  // As it was written, before recipes and loops were: the first of the session's texts.
  Sources texts;
  Diagnostics sound;
  const ast::File file = syntax::parse(texts, texts.add(session.path, session.text), sound);
  bool kept = true;
  for (const lint::Finding& finding : lint::lint(file, texts, &session.program, session.levels).findings) {
    const auto said = session.levels.find(finding.rule);
    if (said == session.levels.end() || !forbids(*said)) continue;
    session.diagnostics.error(Code::policy_forbids, finding.span, fmt::format("the policy of the project makes `{}` an error: {}", finding.rule->name, finding.message), finding.help);
    kept = false;
  }
  return kept;
}

}  // namespace bfl::cli
