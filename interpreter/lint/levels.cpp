#include "interpreter/lint/levels.h"

#include <fmt/format.h>

namespace bfl::lint {
namespace {

std::string_view word(const std::optional<Severity>& level) {
  return !level ? "off" : *level == Severity::error ? "error" : *level == Severity::warning ? "warning" : "note";
}

}  // namespace

Levels levels_of(const project::Project& project, Diagnostics& diagnostics) {
  Levels levels;
  for (const project::RuleLevel& said : project.lint) {
    const Rule* rule = rule_named(said.rule);
    if (rule == nullptr) {
      std::vector<std::string> known;
      for (const Rule& each : rules()) known.insert(known.end(), {std::string(each.name), std::string(each.code)});
      const std::string meant = nearest(said.rule, known);
      diagnostics.error(Code::unknown_setting, said.span, fmt::format("there is no rule `{}`", said.rule),
                        meant.empty() ? "`bfl lint --rules` lists them" : fmt::format("did you mean `{}`?", meant));
      continue;
    }
    const bool lowered = !said.severity || *said.severity > rule->severity;
    if (lowered && said.reason.find_first_not_of(" \t\n") == std::string::npos) {
      diagnostics.error(Code::policy_loosened, said.span, fmt::format("`{}` is lowered from {} to {} without a reason", said.rule, word(rule->severity), word(said.severity)),
                        fmt::format("say why: `{} = {{ level = \"{}\", reason = \"…\" }}`", said.rule, word(said.severity)));
      continue;
    }
    if (!levels.emplace(rule, Level{said.severity, said.reason}).second)
      diagnostics.error(Code::bad_setting, said.span, fmt::format("`{}` is `{}`, which was said already", said.rule, said.rule == rule->code ? rule->name : rule->code), "say it once");
  }
  return levels;
}

}  // namespace bfl::lint
