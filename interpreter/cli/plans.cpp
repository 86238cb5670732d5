#include "interpreter/cli/plans.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "interpreter/cli/approvals.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/keys.h"
#include "interpreter/cli/typed.h"
#include "interpreter/report/plan_text.h"
#include "interpreter/run/planned.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

bool names(const std::vector<std::string>& pairs, const std::string& name) {
  return std::any_of(pairs.begin(), pairs.end(), [&](const std::string& pair) { return pair.substr(0, pair.find('=')) == name; });
}

fs::path folder_of(const std::string& file) {
  std::error_code ignored;
  return fs::absolute(file, ignored).parent_path().lexically_normal();
}

}  // namespace

bool end_plan(Session& session, const Arguments& arguments, run::PlanWriter& file, const run::PlanKeeper& keeper, const std::vector<run::Preview>& previews, Digest& digest) {
  const program::Program& program = session.program;
  if (!keeper.holds_any()) {
    session.diagnostics.error(Code::nothing_to_keep, program.job_span, "there is nothing that a plan could hold: no step is left, or what is left is known only when it runs",
                              "`bfl plan` without `-o` says what each step waits for");
    return false;
  }
  run::PlanFacts facts;
  facts.job = program.job;
  facts.why = program.why;
  std::error_code ignored;
  facts.path = fs::absolute(session.path, ignored).lexically_normal().lexically_relative(folder_of(arguments.value("output"))).string();
  facts.script = script_digest(session);
  facts.version = BFL_VERSION;
  facts.made = format_timestamp(run::system_clock()->now());
  facts.clock = format_timestamp(keeper.clock);
  facts.who = user_name();
  facts.host = host_name();
  if (auto known = known_keys())
    for (const KnownKey& key : *known)
      if (key.own) facts.keys.push_back(key.key.text());
  facts.not_author = program.approval && program.approval->not_author;
  for (const program::Parameter& parameter : program.parameters) {
    if (parameter.secret || parameter.is_clock) continue;
    const auto given = session.settings.parameters.find(parameter.name);
    facts.parameters.push_back({parameter.name, to_literal(parameter.value), given == session.settings.parameters.end() ? "" : given->second});
  }
  for (std::size_t i = 0; i < program.sources.size(); ++i) {
    const program::Source& source = program.sources[i];
    const auto given = session.settings.sources.find(source.name);
    const bool open = given != session.settings.sources.end() && source.shown.find("***") == std::string::npos;
    facts.sources.push_back({source.name, source.shown, open ? given->second : "", session.lasting_identity(i)});
  }
  auto tables = run::tables_of(program, [&](std::size_t step) { return keeper.holds(step); }, session.targets());
  if (!tables) return add(session.diagnostics, Code::database_error, program.job_span, tables.error()), false;
  facts.tables = std::move(*tables);
  facts.steps = keeper.steps();
  facts.text = report::plan_text(program, session.plan, previews);
  auto made = file.finish(facts);
  if (!made) return add(session.diagnostics, Code::plan_damaged, {}, made.error()), false;
  digest = *made;
  return true;
}

bool take_plan(Session& session, Arguments& arguments, std::unique_ptr<run::KeptPlan>& kept) {
  const std::string path = arguments.value("plan");
  session.bad_input = access(path.c_str(), R_OK) != 0;
  auto opened = run::KeptPlan::open(path);
  if (!opened) {
    session.texts.add(path, "");
    add(session.diagnostics, Code::plan_damaged, {}, opened.error());
    return false;
  }
  kept = std::move(*opened);
  const run::PlanFacts& facts = kept->facts();
  for (const char* flag : {"only", "again", "accept"})
    if (arguments.has(flag)) {
      session.texts.add(path, "");
      session.diagnostics.error(Code::unknown_step, {}, fmt::format("`--{}` has no place beside `--plan`", flag), "the plan says what is done; make one for what else is to be done");
      return false;
    }
  if (arguments.operands.empty()) {
    std::error_code ignored;
    const fs::path job = (folder_of(path) / facts.path).lexically_normal(), near = job.lexically_relative(fs::current_path(ignored));
    arguments.operands.push_back(near.empty() || near.string().starts_with("..") ? job.string() : near.string());
  }
  for (const run::PlannedParameter& parameter : facts.parameters)
    if (!parameter.given.empty() && !names(arguments.all("set"), parameter.name)) arguments.flags["set"].push_back(parameter.name + "=" + parameter.given);
  for (const run::PlannedSource& source : facts.sources)
    if (!source.url.empty() && !names(arguments.all("source"), source.name)) arguments.flags["source"].push_back(source.name + "=" + source.url);
  return true;
}

bool tables_fit(Session& session, const run::KeptPlan& kept) {
  const auto changes = run::altered_since(kept, session.program.sources, session.targets());
  if (!changes) return add(session.diagnostics, Code::database_error, {}, changes.error()), false;
  for (const std::string& change : *changes) session.diagnostics.error(Code::plan_void, {}, "the plan is void: " + change, run::help_to_plan(as_typed(session.path)));
  return changes->empty();
}

bool plan_fits(Session& session, const run::KeptPlan& kept) {
  std::vector<std::string> identities;
  for (std::size_t i = 0; i < session.identities.size(); ++i) identities.push_back(session.lasting_identity(i));
  const auto changes = run::changed_since(kept, session.program, session.plan, identities, script_digest(session));
  for (const std::string& change : changes) session.diagnostics.error(Code::plan_void, session.program.job_span, "the plan is void: " + change, run::help_to_plan(as_typed(session.path)));
  return changes.empty();
}

std::vector<std::pair<const char*, std::map<std::string, std::string>>> attested(const run::KeptPlan& kept, const project::Project& project) {
  const run::PlanFacts& facts = kept.facts();
  std::vector<std::pair<const char*, std::map<std::string, std::string>>> all;
  all.push_back({"plan", {{"plan", hex(kept.digest())}, {"made", facts.made}, {"made_by", facts.who + "@" + facts.host}, {"rows", facts.holds_statements() ? "unknown" : std::to_string(facts.rows())}}});
  // With the text that was signed, so that whoever has the key can see that it holds.
  const Approvals approvals = approvals_of(kept, project, false);
  for (const project::Approver& approver : approvals.given) {
    std::map<std::string, std::string> fields{{"plan", hex(kept.digest())}, {"approver", approver.name}, {"key", approver.key}, {"note", kept.note()}};
    if (const auto time = approvals.times.find(approver.name); time != approvals.times.end()) fields["signed"] = format_timestamp({time->second * 1'000'000});
    all.push_back({"approval", std::move(fields)});
  }
  return all;
}

}  // namespace bfl::cli
