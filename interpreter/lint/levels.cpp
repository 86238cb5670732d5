#include "interpreter/lint/levels.h"

#include <fmt/format.h>

namespace bfl::lint {
namespace {

std::string_view word(const std::optional<Severity>& level) {
  return !level ? "off" : *level == Severity::error ? "error" : *level == Severity::warning ? "warning" : "note";
}

bool softer(const std::optional<Severity>& level, const std::optional<Severity>& than) { return than && (!level || *level > *than); }

}  // namespace

Levels levels_of(const project::Project& project, Diagnostics& diagnostics) {
  Levels levels;
  std::map<const Rule*, Span> places;  // of the strictest word on a rule
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
    const bool lowered = softer(said.severity, rule->severity);
    if (lowered && said.reason.find_first_not_of(" \t\n") == std::string::npos) {
      diagnostics.error(Code::policy_loosened, said.span, fmt::format("`{}` is lowered from {} to {} without a reason", said.rule, word(rule->severity), word(said.severity)),
                        fmt::format("say why: `{} = {{ level = \"{}\", reason = \"…\" }}`", said.rule, word(said.severity)));
      continue;
    }
    const auto [place, first] = places.emplace(rule, said.span);
    Level& level = levels[rule];
    if (!first && place->second.file == said.span.file) {
      diagnostics.error(Code::bad_setting, said.span, fmt::format("`{}` is `{}`, which was said already", said.rule, said.rule == rule->code ? rule->name : rule->code), "say it once");
    } else if (!first && softer(said.severity, level.severity)) {
      diagnostics.error(Code::policy_loosened, said.span, fmt::format("`{}` is lowered from {}, as a bfl.toml further out has it, to {}", said.rule, word(level.severity), word(said.severity)),
                        "leave the line out: a nearer file only tightens")
          .labels.push_back({place->second, "said here"});
    } else {
      level = {said.severity, said.reason};
      place->second = said.span;
    }
  }
  return levels;
}

}  // namespace bfl::lint
