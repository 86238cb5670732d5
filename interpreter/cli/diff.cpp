// `bfl diff`: what an edit changes in meaning.
#include <fmt/format.h>

#include <filesystem>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/other_program.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/lower/sql.h"
#include "interpreter/plan/changes.h"
#include "interpreter/report/changes_text.h"
#include "interpreter/report/words.h"
#include "interpreter/run/scope_rows.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {

namespace {

// The file as it was at BASE.
Result<std::string> text_at(const std::string& base, const std::string& path) {
  const std::filesystem::path file(path);
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  const std::string object = base + ":./" + file.filename().string();
  if (base.starts_with('-')) return Error{ErrorClass::fatal, fmt::format("`{}` is no revision", base), {}, {}};
  Heard heard = listen_to({"git", "-C", folder, "show", object}, {}, syntax::max_file_bytes);
  if (heard.exit_code != 0) return Error{ErrorClass::fatal, fmt::format("git has no `{}`", object), {}, "name a revision that has the job: `--git main`"};
  return std::move(heard.text);
}

// One version, checked. Of no text at all, as git gives a file that was not there, the program is empty.
bool read(Session& session, const Arguments& arguments, const std::string& path, bool offline, Result<std::string> text) {
  session.path = path;
  session.settings = settings_of(arguments, path);
  session.project = project_of(path, session.diagnostics);
  if (session.diagnostics.has_errors()) {
    session.texts = session.project.texts;
  } else if (!text) {
    session.texts.add(path, "");
    add(session.diagnostics, Code::file_not_readable, {}, text.error());
  } else if (session.text = std::move(*text); session.text.empty()) {
    return true;
  } else if (offline ? check_offline(session) : check(session, Access::read)) {
    lower::settle_routes(session.program);
    return true;
  }
  show(session.diagnostics, session.texts);
  return false;
}

Result<std::string> text_of(const std::string& path) { return path == "/dev/null" ? Result<std::string>(std::string()) : read_script(path); }

}  // namespace

int diff_jobs(const Arguments& arguments) {
  const auto& words = arguments.operands;
  // git calls an external diff with seven words: path, old file, its object and mode, new file, its object and mode.
  const bool by_git = words.size() == 7;
  const bool based = arguments.has("git");
  if (!by_git && words.size() != (based ? 1u : 2u)) {
    report::say(stderr, "{}: `bfl diff` needs {}\n", paint(stderr, Paint::error, "error"), based ? "the job behind `--git BASE`" : "OLD and NEW");
    return exit_code::script;
  }
  const std::string path = by_git ? words[0] : words.back();
  Session before, after;
  const bool offline = arguments.has("offline");
  // Both versions stand where the new one does: modules and relative places of data are looked for from there.
  if (!read(before, arguments, path, offline, based ? text_at(arguments.value("git"), path) : text_of(by_git ? words[1] : words[0]))) return exit_code_of(before);
  if (!read(after, arguments, path, offline, text_of(by_git ? words[4] : words.back()))) return exit_code_of(after);
  plan::Changes changes = plan::compare(before.program, after.program);
  if (!offline && !by_git) run::compare_scopes(changes, {before.program, before.targets()}, {after.program, after.targets()}, *run::system_clock());
  const std::string job = after.program.job.empty() ? before.program.job : after.program.job;
  const bool edited = before.text != after.text;
  const std::string format = arguments.has("json") ? "json" : arguments.value("format", "text");
  report::put(stdout, format == "json"       ? report::changes_json(changes, job, edited)
                      : format == "markdown" ? report::changes_markdown(changes, job, edited)
                                             : report::changes_text(changes, job, edited));
  return changes.same() || by_git ? exit_code::done : exit_code::failed;  // git takes another exit code for a failure of its driver
}

}  // namespace bfl::cli
