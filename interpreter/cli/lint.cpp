// `bfl lint`: what is right by the language and likely not what was meant.
#include "interpreter/lint/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/scripts.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/lint_text.h"
#include "interpreter/report/words.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {

namespace {

// A script with what is known of it. Where the database cannot be reached the program stays away, and `why` says so.
struct Script {
  Session session;
  Sources sources;
  ast::File file;
  bool sound = false, checked = false;
  std::string why;
};

// False where the script itself is wrong: that has been shown then.
bool read(Script& script, const Arguments& arguments, const std::string& path) {
  if (!load(script.session, arguments, path)) return show(script.session.diagnostics, script.session.texts), false;
  Diagnostics mistakes;
  script.file = syntax::parse(script.sources, script.sources.add(path, script.session.text), mistakes);
  if (mistakes.has_errors()) return show(mistakes, script.sources), false;
  if (ast::child(script.file, script.file.root, ast::NodeKind::job) == ast::no_node) return script.why = "since the file holds no job", true;
  const bool kept = all_kept(script.session);
  if (arguments.has("offline") && !kept) return script.why = "since no database was asked, and not every catalogue is kept", true;
  script.checked = kept ? check_offline(script.session) : check(script.session, Access::read);
  if (script.checked) return true;
  const auto& found = script.session.diagnostics.all();
  const auto of_world = [](const Diagnostic& d) { return d.severity != Severity::error || d.code == Code::cannot_connect || d.code == Code::environment_missing || d.code == Code::missing_parameter; };
  if (!std::all_of(found.begin(), found.end(), of_world)) return show(script.session.diagnostics, script.session.texts), false;
  for (const Diagnostic& d : found)
    if (d.severity == Severity::error && script.why.empty()) script.why = "since " + d.message;
  return true;
}

std::string meanings(const program::Program& program) {
  std::string all;
  for (const program::Step& step : program.steps) all += step.name + " " + program::meaning(step, program) + "\n";
  return all;
}

// Writes the mended script, where every step means what it meant.
bool mend(Script& script, const Arguments& arguments, const std::string& path, const std::vector<lint::Finding>& findings) {
  const std::string text = lint::fixed(script.session.text, findings);
  if (text == script.session.text) return false;
  Session fresh;
  const auto refuse = [&](std::string_view why) {
    report::say(stderr, "{}: `{}` is not mended: {}\n", paint(stderr, Paint::error, "error"), path, why);
    return false;
  };
  if (!script.checked) return refuse("without its database nothing shows that it means the same");
  if (!load(fresh, arguments, path)) return refuse("it cannot be read again");
  fresh.text = text;
  if (!(all_kept(fresh) ? check_offline(fresh) : check(fresh, Access::read)) || meanings(fresh.program) != meanings(script.session.program)) return refuse("it would mean something else");
  if (const Result<void> written = write_script(path, text); !written) return refuse(written.error().message);
  return true;
}

}  // namespace

int lint_scripts(const Arguments& arguments) {
  if (arguments.has("rules")) return report::say(stdout, "{}", report::list_of_rules()), exit_code::done;
  if (arguments.operands.empty()) {
    report::say(stderr, "{}: `bfl lint` needs JOB.bfl\n", paint(stderr, Paint::error, "error"));
    return exit_code::script;
  }
  std::vector<std::unique_ptr<Script>> scripts;
  std::vector<report::LintedFile> files;
  bool wrong = false, found = false;
  for (const std::string& path : scripts_of(arguments.operands)) {
    auto script = std::make_unique<Script>();
    if (!read(*script, arguments, path)) {
      wrong = true;
      if (script->session.project_wrong) break;  // it would be of the next as well
      continue;
    }
    const auto look = [&] { return lint::lint(script->file, script->sources, script->checked ? &script->session.program : nullptr, script->session.levels); };
    lint::Report report = look();
    if (arguments.has("fix") && mend(*script, arguments, path, report.findings)) {
      auto mended = std::make_unique<Script>();
      if (read(*mended, arguments, path)) script = std::move(mended);
      report = look();
    }
    for (const lint::Finding& finding : report.findings) found |= finding.severity != Severity::note;
    files.push_back({path, &script->sources, std::move(report), script->why});
    scripts.push_back(std::move(script));
  }
  const std::string format = arguments.has("json") ? "json" : arguments.value("format", "text");
  if (format == "text" && files.empty()) return exit_code::script;  // nothing was looked at
  report::put(stdout, format == "json"     ? report::lint_json(files)
                      : format == "sarif"  ? report::lint_sarif(files)
                      : format == "github" ? report::lint_github(files)
                                           : report::lint_text(files, {has_color(stdout)}));
  return wrong ? exit_code::script : found ? exit_code::failed : exit_code::done;
}

}  // namespace bfl::cli
