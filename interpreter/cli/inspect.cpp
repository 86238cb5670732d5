// `bfl plan`, `bfl check`, `bfl graph`: what a job means, without changing anything.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "interpreter/cli/atomic.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/plans.h"
#include "interpreter/cli/refusals.h"
#include "interpreter/cli/rule_errors.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/plan_json.h"
#include "interpreter/report/plan_markdown.h"
#include "interpreter/report/plan_text.h"
#include "interpreter/report/words.h"
#include "interpreter/run/preview.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/other_program.h"

namespace bfl::cli {
namespace {

nlohmann::ordered_json diagnostics_json(const Session& session) {
  auto list = nlohmann::ordered_json::array();
  for (const Diagnostic& diagnostic : session.diagnostics.all())
    list.push_back(nlohmann::ordered_json::parse(to_json(diagnostic, session.texts), nullptr, false));
  return list;
}

// Ends a command that found mistakes: drawn for people, one document for programs.
int finish(Session& session, bool json, nlohmann::ordered_json document) {
  session.diagnostics.sort_by_position();
  const int code = exit_code_of(session);
  if (!json) return show(session.diagnostics, session.texts), code;
  document["ok"] = code == exit_code::done;
  document["diagnostics"] = diagnostics_json(session);
  report::say(stdout, "{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return code;
}

nlohmann::ordered_json kept_json(const std::string& path, const run::PlanKeeper& keeper, const Digest& digest) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const run::PlannedStep& step : keeper.steps())
    steps.push_back({{"step", step.step}, {"planned", run::name_of(step.planned)}, {"rows", step.rows}, {"why", step.why}});
  return {{"file", path}, {"digest", hex(digest)}, {"steps", std::move(steps)}};
}

std::string kept_text(const std::string& path, const run::PlanKeeper& keeper, const Digest& digest) {
  std::string text;
  std::int64_t rows = 0;
  bool statements = false;
  for (const run::PlannedStep& step : keeper.steps()) {
    rows += step.rows;
    statements |= step.planned == run::Planned::statement;
    if (step.planned == run::Planned::statement) text += fmt::format("  by its statement: {}: what it changes is not known before it runs\n", step.step);
    if (step.planned == run::Planned::later) text += fmt::format("  not in it: {}: {}\n", step.step, step.why);
  }
  return fmt::format("\nkept in {}: {}, digest {}\n{}", path, statements ? (rows > 0 ? report::counted(rows, "row") + ", and what its statements change" : "what its statements change") : report::counted(rows, "row"), hex(digest), text);
}

nlohmann::ordered_json head(const Session& session) { return {{"job", session.program.job}, {"path", session.path}}; }

}  // namespace

int check_job(const Arguments& arguments) {
  Session session;
  const bool offline = arguments.has("offline");
  const bool sound = load(session, arguments) && (offline ? plan_offline(session) : make_plan(session, Access::read));
  if (sound) (void)keeps_rules(session), compare_kept(session);
  auto document = head(session);
  if (sound) {
    document["steps"] = nlohmann::ordered_json::array();
    for (const program::Step& step : session.program.steps) document["steps"].push_back(step.name);
  }
  const int code = finish(session, arguments.has("json"), std::move(document));
  if (sound && code == exit_code::done && !arguments.has("json"))
    report::say(stdout, "{} is sound{}: {} step{}\n", session.program.job, offline ? " by its kept catalogue" : "", session.program.steps.size(), session.program.steps.size() == 1 ? "" : "s");
  return code;
}

int plan_job(const Arguments& arguments) {
  Session session;
  const bool json = arguments.has("json") || arguments.value("format") == "json";
  if (!load(session, arguments) || !make_plan(session, Access::read) || !take_atomic(session, arguments)) return finish(session, json, head(session));
  auto clock = run::system_clock();
  std::unique_ptr<run::PlanWriter> file;
  std::optional<run::PlanKeeper> keeper;
  if (arguments.has("output")) {
    auto made = run::PlanWriter::create(arguments.value("output"));
    if (!made) {
      session.bad_input = true;
      add(session.diagnostics, Code::plan_damaged, {}, made.error());
      return finish(session, json, head(session));
    }
    file = std::move(*made);
    keeper.emplace(*file);
  }
  const auto previews = run::preview(session.program, session.plan, session.targets(), *clock, session.diagnostics, keeper ? &*keeper : nullptr);
  const std::vector<std::string> refused = keeper ? std::vector<std::string>() : warn_of_refusals(session, arguments);
  Digest digest{};
  const bool kept = keeper && !session.diagnostics.has_errors() && may_be_kept_whole(session, *keeper) && end_plan(session, arguments, *file, *keeper, previews, digest);
  if (json) {
    auto document = nlohmann::ordered_json::parse(report::plan_document(session.program, session.plan, previews, refused), nullptr, false);
    if (kept) document["kept"] = kept_json(arguments.value("output"), *keeper, digest);
    return finish(session, true, std::move(document));
  }
  if (arguments.value("format") == "markdown") {
    report::put(stdout, report::plan_markdown(session.program, session.plan, previews, refused));
    if (kept) report::say(stdout, "\nKept: digest `{}`.\n", hex(digest));
    return finish(session, false, {});
  }
  report::say(stdout, "{}", report::plan_text(session.program, session.plan, previews, {has_color(stdout), width_of(stdout)}, refused));
  if (kept) report::say(stdout, "{}", kept_text(arguments.value("output"), *keeper, digest));
  return finish(session, false, {});
}

int graph_job(const Arguments& arguments) {
  Session session;
  const std::string format = arguments.has("json") ? "json" : arguments.value("format", "text");
  if (!load(session, arguments) || !make_plan(session, Access::read)) return finish(session, format == "json", head(session));
  if (format == "json") return finish(session, true, nlohmann::ordered_json::parse(plan::to_json(session.plan, session.program), nullptr, false));
  if (format == "svg") {
    const Heard drawn = listen_to({"dot", "-Tsvg"}, plan::to_dot(session.plan, session.program));
    if (drawn.exit_code != 0 || drawn.text.empty()) {
      report::say(stderr, "{}: {}\n{}: install Graphviz (Debian: graphviz), or take `--format mermaid`, which GitHub and GitLab draw by themselves\n", paint(stderr, Paint::error, "error"),
                  drawn.exit_code == 127 ? "`dot`, which draws the graph, is not on the path" : fmt::format("`dot`, which draws the graph, ended with exit code {}", drawn.exit_code), paint(stderr, Paint::help, "help"));
      return exit_code::world;
    }
    report::put(stdout, drawn.text);
    return finish(session, false, {});
  }
  report::say(stdout, "{}", format == "dot"       ? plan::to_dot(session.plan, session.program)
                   : format == "mermaid" ? plan::to_mermaid(session.plan, session.program)
                                         : plan::to_text(session.plan, session.program));
  return finish(session, false, {});
}

}  // namespace bfl::cli
