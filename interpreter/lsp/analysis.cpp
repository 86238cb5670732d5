#include "interpreter/lsp/analysis.h"

#include <algorithm>

#include "interpreter/lower/sql.h"
#include "interpreter/plan/plan.h"
#include "interpreter/syntax/parse.h"

namespace bfl::lsp {
namespace {

// That a variable of the environment is missing where the editor runs says nothing about the script.
void keep_script_errors(const Diagnostics& found, Diagnostics& into) {
  for (const Diagnostic& diagnostic : found.all())
    if (diagnostic.code != Code::environment_missing) into.add(diagnostic);
}

}  // namespace

Library::Library() : functions(check::load_library(texts)), docs(check::documentation(*functions)) {}

std::shared_ptr<const Analysis> analyse(const Library& library, const World& world, const Catalogues& catalogues, std::string path, std::string text) {
  auto made = std::make_shared<Analysis>();
  made->path = std::move(path);
  made->text = std::move(text);
  made->texts = library.texts;
  made->file = made->texts.add(made->path, made->text);
  made->tree = syntax::parse(made->texts, made->file, made->diagnostics);
  if (made->diagnostics.has_errors()) return made;
  Diagnostics none;
  ast::File file = syntax::parse(made->texts, made->file, none);
  syntax::expand(file, made->texts, [&](const std::string& written) { return world.load_module(made->path, written); }, made->diagnostics);
  if (made->diagnostics.has_errors()) return made;

  const Surroundings around = world.around(made->path);
  Diagnostics places;
  auto sources = check::sources_of(file, made->texts, around.settings, places);
  keep_script_errors(places, made->diagnostics);
  if (made->diagnostics.has_errors()) return made;
  std::vector<Catalogue> known(sources.size());  // without an engine: unknown
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (const auto found = catalogues.find(sources[i].url); found != catalogues.end() && !sources[i].url.empty()) known[i] = found->second;
    else if (const auto kept = around.kept_catalogue(sources[i].name)) known[i] = *kept;
    made->unknown_sources |= known[i].engine.empty();
  }
  made->program = check::check(file, made->texts, library.functions, std::move(sources), std::move(known), around.settings, made->diagnostics, &made->symbols);
  made->resolved = true;
  if (!made->diagnostics.has_errors() && !made->unknown_sources) {
    lower::settle_routes(made->program);
    plan::make(made->program, std::vector<std::string>(made->program.sources.size()), made->diagnostics);
    made->sound = !made->diagnostics.has_errors();
  }
  if (!made->diagnostics.has_errors())
    made->findings = lint::lint(made->tree, made->texts, made->sound ? &made->program : nullptr, around.levels).findings;
  made->diagnostics.sort_by_position();
  return made;
}

}  // namespace bfl::lsp
