#include "interpreter/cli/memo.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/ledger/ledger.h"

namespace bfl::cli {
namespace {

// The environment variables that the text may read: every `env("NAME")`, found without parsing. One too many (in a comment)
// does no harm.
std::vector<std::string> environment_names(std::string_view text) {
  std::vector<std::string> names;
  auto skip_space = [&](std::size_t at) {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    return at;
  };
  for (std::size_t at = text.find("env"); at != std::string_view::npos; at = text.find("env", at + 1)) {
    std::size_t open = skip_space(at + 3);
    if (open >= text.size() || text[open] != '(') continue;
    const std::size_t quote = text.find('"', open), end = quote == std::string_view::npos ? quote : text.find('"', quote + 1);
    if (end == std::string_view::npos) continue;
    names.emplace_back(text.substr(quote + 1, end - quote - 1));
  }
  return names;
}

}  // namespace

std::string digest_of_inputs(std::string_view script, const check::Settings& settings) {
  Hasher hasher;
  hasher.field("finished job 1").field(BFL_VERSION).field(script).field(settings.job_directory);
  for (const auto* given : {&settings.parameters, &settings.sources}) {
    hasher.field(std::to_string(given->size()));
    for (const auto& [name, value] : *given) hasher.field(name).field(value);
  }
  for (const std::string& name : environment_names(script)) {
    const char* value = std::getenv(name.c_str());
    hasher.field(name).field(value ? "set" : "unset").field(value ? value : "");
  }
  return hex(hasher.finish());
}

std::optional<store::FinishedJob> finished_before(store::State& state, const std::string& inputs) {
  auto known = state.finished(inputs);
  if (!known || !*known) return std::nullopt;
  const store::FinishedJob& job = **known;
  connect::OpenOptions options;
  options.read_only = true;
  auto target = connect::open(job.target_path, options);
  if (!target) return std::nullopt;
  auto schema = (*target)->schema_version();
  auto identity = ledger::identity(**target);
  auto revision = ledger::revision(**target);
  if (!schema || !identity || !revision) return std::nullopt;
  if (*schema != job.schema_version || *identity != job.target_identity || *revision != job.revision) return std::nullopt;
  return job;
}

void remember_finished(store::State& state, const std::string& inputs, Session& session, const std::string& now) {
  const program::Program& program = session.program;
  const bool verifies = std::any_of(program.steps.begin(), program.steps.end(),
                                    [](const program::Step& step) { return step.kind == program::StepKind::verify; });
  // Its inputs would be kept as a digest that is made for speed: a secret is not guessed from it only if it is a long one.
  const bool has_secrets = std::any_of(program.parameters.begin(), program.parameters.end(), [](const program::Parameter& parameter) { return parameter.secret; });
  if (verifies || has_secrets || !session.modules.empty() || session.connectors.size() != 1 || session.identities[0].empty()) return;
  // Where the data are is kept for the next look, and the address of a server may hold a password.
  if (!program.sources[0].url.starts_with("sqlite:") || program.sources[0].shown.find("***") != std::string::npos) return;
  // What a program holds and what time zones are ruled by is no part of the inputs.
  const bool goes_out = std::any_of(program.steps.begin(), program.steps.end(), [](const program::Step& step) { return step.through.has_value(); }) ||
                        std::any_of(session.plan.steps.begin(), session.plan.steps.end(), [](const plan::StepPlan& step) {
                          return std::any_of(step.key.components.begin(), step.key.components.end(), [](const plan::KeyComponent& part) { return part.name == "time zones"; });
                        });
  if (goes_out) return;
  auto schema = session.connectors[0]->schema_version();
  auto revision = ledger::revision(*session.connectors[0]);
  if (!schema || !revision) return;
  store::FinishedJob job;
  job.inputs = inputs;
  job.job = program.job;
  job.target_path = program.sources[0].url;
  job.target_identity = session.identities[0];
  job.schema_version = *schema;
  job.revision = *revision;
  job.steps = static_cast<std::int64_t>(program.steps.size());
  job.finished = now;
  (void)state.remember(job);  // a cache: without it the next run takes the long way
}

}  // namespace bfl::cli
