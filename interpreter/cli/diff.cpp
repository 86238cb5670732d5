// `bfl diff`: what an edit changes in meaning.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/lower/sql.h"
#include "interpreter/plan/changes.h"
#include "interpreter/report/changes_text.h"
#include "interpreter/report/words.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {

namespace {

// The file as it was at BASE. Git is called by its words, no shell reads them.
Result<std::string> text_at(const std::string& base, const std::string& path) {
  const std::filesystem::path file(path);
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  const std::string object = base + ":./" + file.filename().string();
  int ends[2];
  if (base.starts_with('-') || pipe2(ends, O_CLOEXEC) != 0) return Error{ErrorClass::fatal, fmt::format("`{}` is no revision", base), {}, {}};
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execlp("git", "git", "-C", folder.c_str(), "show", object.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  char part[65536];
  for (ssize_t length = 0; child > 0 && text.size() <= syntax::max_file_bytes && (length = ::read(ends[0], part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(length));
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{ErrorClass::fatal, fmt::format("git has no `{}`", object), {}, "name a revision that has the job: `--git main`"};
  return text;
}

// One version, checked. Of no text at all, as git gives a file that was not there, the program is empty.
bool read(Session& session, const Arguments& arguments, const std::string& path, Result<std::string> text) {
  session.path = path;
  session.settings = settings_of(arguments, path);
  if (!text) {
    session.texts.add(path, "");
    add(session.diagnostics, Code::file_not_readable, {}, text.error());
  } else if (session.text = std::move(*text); session.text.empty()) {
    return true;
  } else if (check(session, Access::read)) {
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
  // Both versions stand where the new one does: modules and relative places of data are looked for from there.
  if (!read(before, arguments, path, based ? text_at(arguments.value("git"), path) : text_of(by_git ? words[1] : words[0]))) return exit_code_of(before.diagnostics);
  if (!read(after, arguments, path, text_of(by_git ? words[4] : words.back()))) return exit_code_of(after.diagnostics);
  const plan::Changes changes = plan::compare(before.program, after.program);
  const std::string job = after.program.job.empty() ? before.program.job : after.program.job;
  const bool only_layout = before.text != after.text;
  const std::string format = arguments.has("json") ? "json" : arguments.value("format", "text");
  report::put(stdout, format == "json"       ? report::changes_json(changes, job, only_layout)
                      : format == "markdown" ? report::changes_markdown(changes, job, only_layout)
                                             : report::changes_text(changes, job, only_layout));
  return changes.same() || by_git ? exit_code::done : exit_code::failed;  // git takes another exit code for a failure of its driver
}

}  // namespace bfl::cli
