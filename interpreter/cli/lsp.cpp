// `bfl lsp`: the language server, with what it needs of the world.
#include <unistd.h>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/session.h"
#include "interpreter/lsp/server.h"

namespace bfl::cli {

int serve_editor(const Arguments& arguments) {
  lsp::World world;
  world.settings = [&arguments](const std::string& path) { return settings_of(arguments, path); };
  world.load_module = [&arguments](const std::string& path, const std::string& written) {
    Session session;
    session.settings = settings_of(arguments, path);
    return load_module(session, written);
  };
  world.read_catalogue = [](const program::Source& source) -> Result<Catalogue> {
    connect::OpenOptions options;
    options.read_only = true;
    options.settings = source.settings;
    auto connector = connect::open(source.url, options);
    if (!connector) return of_place(connector.error(), source);
    auto catalogue = (*connector)->catalogue();
    if (!catalogue) return of_place(catalogue.error(), source);
    return std::move(*catalogue);
  };
  return lsp::serve(STDIN_FILENO, STDOUT_FILENO, world);
}

}  // namespace bfl::cli
