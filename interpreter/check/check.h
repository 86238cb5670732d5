// Syntax tree, library and catalogues to a Program: names, types, effects, classes.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/base/result.h"
#include "interpreter/check/program.h"
#include "interpreter/syntax/ast.h"

namespace bfl::check {

// The standard library: the modules of stdlib/, parsed once per process. Files are embedded in the binary.
// A function, or a recipe of the library.
struct FunctionDoc { std::string module, name, signature, doc; bool native = false; };
class Library;
class Symbols;
// Parses the embedded modules into `sources`; a mistake in them is a bug.
std::shared_ptr<const Library> load_library(Sources& sources);
std::vector<FunctionDoc> documentation(const Library& library);
// The text of a module, `std.recipes`; nothing when there is none of that name.
std::optional<std::string_view> library_module(std::string_view name);

struct Settings {
  std::map<std::string, std::string> parameters;  // --set NAME=VALUE
  std::map<std::string, std::string> sources;     // --source NAME=URL
  std::string job_directory;                      // relative paths of sources start here
  // What is wrong with a regular expression, or nothing: eval::pattern_error. Without it, literal patterns are not looked at.
  std::function<std::optional<std::string>(std::string_view)> pattern_error;
  // The names of the time zones: eval::zone_names. Without it, literal names are not looked at.
  std::function<const std::vector<std::string>&()> zone_names;
  // The digest of what a file holds. Without it, files are taken to be there.
  std::function<Result<Digest>(const std::string& path)> file_digest;
};

// The sources that a job names, before anything is connected: reads `source` items and the settings, and env() from the
// environment. Diagnoses what is wrong with them.
std::vector<program::Source> sources_of(const ast::File& file, const Sources& texts, const Settings& settings, Diagnostics& diagnostics);

// `catalogues` in step with `sources`. Of a source whose catalogue has no engine nothing is known: its tables and columns are taken
// as they are written, and what depends on them is left unsaid. The program is meaningless when diagnostics hold errors, or when
// there is such a source. `symbols`, if given, gains what the names of the file stand for, as far as they could be resolved.
program::Program check(const ast::File& file, const Sources& texts, std::shared_ptr<const Library> library,
                       std::vector<program::Source> sources, std::vector<Catalogue> catalogues, const Settings& settings,
                       Diagnostics& diagnostics, Symbols* symbols = nullptr);

// Of a program that is atomic: false, with diagnostics, where something of it cannot be a part of one transaction. A job that says so has
// been asked already.
bool check_atomic(const program::Program& program, Diagnostics& diagnostics);

}  // namespace bfl::check
