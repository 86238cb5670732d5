// The way from a path to a plan, the same for every command that reads a job: load, parse, connect, check, plan.
//
// Each stage adds to `diagnostics`; the way ends at the first stage that found an error. Databases are opened read-only
// unless the command changes rows, and then nothing is written before everything has been parsed, resolved, typed and planned.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/check/check.h"
#include "interpreter/cli/arguments.h"
#include "interpreter/connect/connector.h"
#include "interpreter/lint/levels.h"
#include "interpreter/plan/plan.h"
#include "interpreter/project/project.h"
#include "interpreter/syntax/ast.h"
#include "interpreter/syntax/expand.h"

namespace bfl::cli {

enum class Access : std::uint8_t { read, write };

struct Session {
  std::string path;                      // as typed
  std::string text;                      // bytes of the script, kept for its digest
  check::Settings settings;
  project::Project project;              // that the job belongs to
  lint::Levels levels;                   // how grave it takes the rules
  bool project_wrong = false;
  std::vector<std::string> of_environment;  // sources whose addresses come from it: those that the job has not are passed over
  std::vector<std::string> modules;      // texts of the modules that the job uses
  Sources texts;
  Diagnostics diagnostics;
  program::Program program;
  std::vector<std::unique_ptr<connect::Connector>> connectors;  // in step with Program::sources
  std::vector<std::string> identities;
  plan::Plan plan;
  bool bad_input = false;                // a file that the command line names cannot be used
  std::function<bool()> connected{};     // asked once the sources are open, before the job is checked against them; it leaves diagnostics where not
  bool resumable = false;                // what is in the way may be gone at the next try: a connection that was lost, a lock

  std::vector<connect::Connector*> targets() const;
  std::string lasting_identity(std::size_t source) const;  // that of its ledger or content; empty where its place stands for it
};

std::string job_of(const Arguments& arguments);  // the operand that names the job
check::Settings settings_of(const Arguments& arguments, const std::string& path);

// The text of a script, or what is in the way. At most one byte more than the parser takes is read: it refuses the rest by itself.
Result<std::string> read_script(const std::string& path);
// What every `bfl.toml` at or above the script's folder says, up to the root of the file system; an empty project where there is none.
project::Project project_of(const std::string& path, Diagnostics& diagnostics);  // project.cpp
// Reads the project's file and the script, into `session.text`; false with a diagnostic.
bool load(Session& session, const Arguments& arguments);
bool load(Session& session, const Arguments& arguments, const std::string& path);
// A module of the project: a file under the job's folder, wherever the links on the way to it lead. The session takes note of its text.
Result<syntax::ModuleText> load_module(Session& session, const std::string& written);
// Parses the text of the session and writes out modules, recipes and loops; false with diagnostics.
bool read_file(Session& session, ast::File& file);
// A connector names the place as it was given it, which may hold a password: the same without.
Error of_place(Error error, const program::Source& source);
// In step with Program::sources: those in which bfl's own tables are kept.
std::vector<bool> keepers(const program::Program& program);
// Parses it and opens its sources, unchecked but for what is marked sensitive: for what outlives the job's meaning. `only`: the one of this name, if it has it.
// False with diagnostics.
bool open_sources(Session& session, Access access, const std::string& only = {});
// Everything up to the checked program; false with diagnostics.
bool check(Session& session, Access access);
// … and up to the plan. With Access::write bfl's tables are created in the targets once the job is known to be sound.
// `sound`: asked before that, whether to go on; it leaves diagnostics where not.
bool make_plan(Session& session, Access access, const std::function<bool()>& sound = {});

// Shows what was found on standard error (or as JSON through `to_json` by the caller) and gives the exit code.
void show(const Diagnostics& diagnostics, const Sources& texts);
int refused(Session& session);  // sorts what was found, shows it and gives the exit code
int exit_code_of(const Diagnostics& diagnostics);
int exit_code_of(const Session& session);  // of what was found, and of why
void add(Diagnostics& diagnostics, Code code, Span span, const Error& error);

}  // namespace bfl::cli
