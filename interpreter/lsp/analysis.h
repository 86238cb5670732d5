// A text as the stages see it: its tree, what is wrong with it, and what its names stand for. Never a database: a catalogue is
// known when the project keeps it, or when it was read on somebody's demand.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/check/check.h"
#include "interpreter/check/symbols.h"
#include "interpreter/lint/lint.h"
#include "interpreter/syntax/expand.h"

namespace bfl::lsp {

// What lies around a text.
struct Surroundings {
  check::Settings settings;
  lint::Levels levels;  // what its project makes of the rules of lint
  // The catalogue that the project keeps of a source, if it does; from files alone.
  std::function<std::shared_ptr<const Catalogue>(const std::string& source)> kept_catalogue;
};

// What the server needs of the world: given by the command line, which has it for the other commands.
struct World {
  std::function<Surroundings(const std::string& path)> around;  // asked once for each analysis
  std::function<Result<syntax::ModuleText>(const std::string& path, const std::string& written)> load_module;
  // Connects, reads and closes; only ever called for a command that somebody gave.
  std::function<Result<Catalogue>(const program::Source& source)> read_catalogue;
};

using Catalogues = std::map<std::string, Catalogue>;  // by URL

// The library, parsed once.
struct Library {
  Library();
  Sources texts;
  std::shared_ptr<const check::Library> functions;
  std::vector<check::FunctionDoc> docs;
};

struct Analysis {
  std::string path, text;
  Sources texts;
  std::uint32_t file = 0;       // of the text
  ast::File tree;               // as written: recipes and loops not yet expanded
  Diagnostics diagnostics;
  check::Symbols symbols;
  program::Program program;
  std::vector<lint::Finding> findings;  // of a text without errors; rules that need a catalogue that is not known say nothing
  bool resolved = false;        // it was parsed and expanded, so that `symbols` say what can be said
  bool sound = false;           // and no stage found an error, with every catalogue known
  bool unknown_sources = false;
};

std::shared_ptr<const Analysis> analyse(const Library& library, const World& world, const Catalogues& catalogues, std::string path, std::string text);

}  // namespace bfl::lsp
