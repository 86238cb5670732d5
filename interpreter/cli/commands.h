// The table of commands: what can be typed, what it is for, and the function that does it.
//
// Parsing, help, the man page and the completions are all made from this table, so that a command or a flag is added in one
// row. Commands that the design has and this version does not are rows as well: they are refused by name.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/cli/arguments.h"

namespace bfl::cli {

namespace exit_code {
inline constexpr int done = 0, failed = 1, script = 2, conflicts = 3, refused = 4, world = 5, bug = 70, resumable = 75;
}

struct Flag {
  std::string_view name;          // without dashes
  std::string_view value;         // what stands behind it, `NAME=VALUE`; empty for a switch
  std::string_view summary;
  std::string_view choices = {};  // `auto|always|never`: nothing else is taken
  bool repeatable = false;
  char letter = 0;
};

struct Command {
  std::string_view name;
  std::string_view operands;      // as in the help: `JOB.bfl`, `[RUN]`
  std::size_t least = 0, most = 0;  // how many operands
  std::string_view summary;       // one line, for the list
  std::string_view details;       // a paragraph or two, for `bfl help COMMAND`
  std::vector<std::span<const Flag>> flags;
  int (*run)(const Arguments&) = nullptr;  // absent: of the design, not of this version
  std::string_view instead = {};  // absent ones: what to do today
  std::string_view operand_choices = {};   // `bash|zsh|fish`
};

const std::vector<Command>& commands();
const Command* find_command(std::string_view name);

// Does what was typed behind `bfl`; gives the exit code.
int run(const std::vector<std::string>& words);

// The functions of the table, each in the file that its work belongs to.
int run_job(const Arguments& arguments);      // run.cpp
int approve_plan(const Arguments& arguments); // approvals.cpp
int undo_job(const Arguments& arguments);     // undo.cpp
int plan_job(const Arguments& arguments);     // inspect.cpp
int check_job(const Arguments& arguments);    // inspect.cpp
int format_scripts(const Arguments& arguments);  // format.cpp
int diff_jobs(const Arguments& arguments);       // diff.cpp
int lint_scripts(const Arguments& arguments);    // lint.cpp
int graph_job(const Arguments& arguments);    // inspect.cpp
int keep_schema(const Arguments& arguments);  // schema.cpp
int begin_project(const Arguments& arguments);  // init.cpp
int test_job(const Arguments& arguments);     // test.cpp
int rehearse_job(const Arguments& arguments); // rehearse.cpp
int approve_stage(const Arguments& arguments);  // stages.cpp
int control_run(const Arguments& arguments);  // control.cpp: pause, resume, cancel, halt
int quarantine(const Arguments& arguments);   // quarantine.cpp
int show_status(const Arguments& arguments);  // history.cpp
int show_log(const Arguments& arguments);     // history.cpp
int audit(const Arguments& arguments);        // audit.cpp
int set_up(const Arguments& arguments);        // setup.cpp
int state_file(const Arguments& arguments);    // state_file.cpp
int prune_state(const Arguments& arguments);   // state_gc.cpp
int show_registry(const Arguments& arguments);  // registry.cpp
int keys(const Arguments& arguments);         // key.cpp
int explain_code(const Arguments& arguments);  // reference.cpp
int show_library(const Arguments& arguments);  // reference.cpp
int show_version(const Arguments& arguments);  // reference.cpp
int serve_editor(const Arguments& arguments);  // lsp.cpp
int show_completion(const Arguments& arguments);  // help.cpp

}  // namespace bfl::cli
