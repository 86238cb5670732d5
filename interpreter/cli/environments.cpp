#include "interpreter/cli/environments.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "interpreter/cli/same_place.h"
#include "interpreter/ledger/registry.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

// `sqlite:PATH`, `csv:PATH`: a path starts at the folder of bfl.toml. Anything else goes on as it is.
std::string address(const std::string& folder, const std::string& url) {
  for (const std::string_view scheme : {"sqlite:", "csv:"})
    if (url.starts_with(scheme)) {
      std::string path = url.substr(scheme.size());
      if (path.starts_with("//")) path.erase(0, 2);
      return std::string(scheme) + (fs::path(folder) / path).lexically_normal().string();
    }
  return url;
}

// The address of a source there; nothing where the environment has none, or its variable is not set.
std::optional<std::string> address_in(const project::Environment& environment, const std::string& source) {
  for (const project::Place& place : environment.places) {
    if (place.source != source) continue;
    if (place.variable.empty()) return address(place.folder, place.url);
    const char* value = std::getenv(place.variable.c_str());
    return value && *value ? std::optional(address(place.folder, value)) : std::nullopt;
  }
  return std::nullopt;
}

std::string names_of(const project::Project& project) {
  std::string all;
  for (const project::Environment& environment : project.environments) all += (all.empty() ? "`" : ", `") + environment.name + "`";
  return all.empty() ? "bfl.toml names none: `[environments.staging]`, and below it `SOURCE = \"URL\"`" : "bfl.toml names " + all;
}

// Where the session is: the environments that have all of its databases. Of several nobody knows which one is meant.
std::vector<const project::Environment*> environments_of(const Session& session) {
  const std::vector<bool> keeps = keepers(session.program);
  std::vector<const project::Environment*> all;
  for (const project::Environment& environment : session.project.environments) {
    bool same = true, any = false;
    for (std::size_t i = 0; i < session.program.sources.size(); ++i) {
      if (!keeps[i]) continue;
      const auto there = address_in(environment, session.program.sources[i].name);
      any = true;
      same = same && there && same_place(*there, address(session.project.root, session.program.sources[i].url));
    }
    if (any && same) all.push_back(&environment);
  }
  return all;
}

bool refuse(Session& session, std::string message, std::string help) {
  session.diagnostics.error(Code::not_promoted, session.program.promotion->span, std::move(message), std::move(help));
  return false;
}

}  // namespace

bool take_environment(Session& session, const Arguments& arguments) {
  if (!arguments.has("env")) return true;
  const std::string name = arguments.value("env");
  const project::Environment* environment = session.project.environment(name);
  const auto wrong = [&](Code code, Span span, std::string message, std::string help) {
    session.texts = session.project.texts;
    session.project_wrong = true;
    session.diagnostics.error(code, span, std::move(message), std::move(help));
    return false;
  };
  if (!environment) return wrong(Code::unknown_environment, {}, fmt::format("no environment `{}` is known here", name), names_of(session.project));
  for (const project::Place& place : environment->places) {
    if (session.settings.sources.contains(place.source)) continue;
    auto url = address_in(*environment, place.source);
    if (!url) return wrong(Code::environment_missing, environment->span, fmt::format("the environment variable `{}`, where `{}` of `{}` is, is not set", place.variable, place.source, name), fmt::format("set it, or say where: `--source {}=URL`", place.source));
    session.settings.sources[place.source] = std::move(*url);
    session.of_environment.push_back(place.source);
  }
  return true;
}

bool is_promoted(Session& session) {
  if (!session.program.promotion) return true;
  const program::Promotion& promotion = *session.program.promotion;
  for (const std::string* name : {&promotion.from, &promotion.to})
    if (!session.project.environment(*name)) return refuse(session, fmt::format("the job is promoted from `{}` to `{}`, and no environment `{}` is known here", promotion.from, promotion.to, *name), names_of(session.project));
  const auto environments = environments_of(session);
  if (environments.size() > 1)
    return refuse(session, fmt::format("the job is promoted from `{}` to `{}`, and this is `{}` as well as `{}`", promotion.from, promotion.to, environments[0]->name, environments[1]->name), "give each its own databases in bfl.toml");
  const project::Environment* here = environments.empty() ? nullptr : environments[0];
  if (!here)
    return refuse(session, fmt::format("the job is promoted from `{}` to `{}`, and this is no environment that is known", promotion.from, promotion.to), fmt::format("say which it is, `--env {}`, or name it in bfl.toml: `[environments.…]`", promotion.from));
  if (here->name != promotion.to) return true;
  const project::Environment& from = *session.project.environment(promotion.from);
  const std::vector<bool> keeps = keepers(session.program);
  const std::string help = fmt::format("`bfl run {} --env {}`, to its end; then here", session.path, promotion.from);
  for (std::size_t i = 0; i < keeps.size(); ++i) {
    if (!keeps[i]) continue;
    const std::string& source = session.program.sources[i].name;
    const auto url = address_in(from, source);
    if (!url) return refuse(session, fmt::format("`{}` asks for a completed run in `{}`, and where `{}` is there is not known", promotion.to, from.name, source), fmt::format("write it below `[environments.{}]` of bfl.toml, or set its variable", from.name));
    auto target = connect::open(*url, {.read_only = true});
    if (!target) {
      session.resumable = target.error().kind == ErrorClass::transient;
      // What the error tells may hold the address, and with it a password.
      session.diagnostics.error(Code::cannot_connect, promotion.span, fmt::format("`{}` of `{}` cannot be opened, and with it nobody knows whether the job was completed there", source, from.name), {});
      return false;
    }
    auto completed = ledger::completed(**target, session.program.job, session.plan.meaning);
    if (!completed) return add(session.diagnostics, Code::database_error, promotion.span, completed.error()), false;
    if (!completed->run.empty()) continue;
    return refuse(session, completed->any ? fmt::format("the job was completed in `{}` when it meant something else, and was not as it is now", from.name) : fmt::format("the job was never completed in `{}`, or was undone there", from.name), help);
  }
  return true;
}

bool completion_counts(const Session& session) {
  if (!session.program.promotion) return false;
  const auto here = environments_of(session);
  return here.size() == 1 && here[0]->name == session.program.promotion->from;
}

}  // namespace bfl::cli
