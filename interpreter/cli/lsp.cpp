// `bfl lsp`: the language server, with what it needs of the world.
#include <unistd.h>

#include <filesystem>
#include <map>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/session.h"
#include "interpreter/lint/levels.h"
#include "interpreter/lsp/server.h"

namespace bfl::cli {

int serve_editor(const Arguments& arguments) {
  lsp::World world;
  world.load_module = [&arguments](const std::string& path, const std::string& written) {
    Session session;
    session.settings = settings_of(arguments, path);
    return load_module(session, written);
  };
  // Read anew when the file is another one.
  struct Known {
    std::filesystem::file_time_type time;
    std::uintmax_t bytes = 0;
    std::shared_ptr<const Catalogue> catalogue;
  };
  std::map<std::string, Known> known;
  world.around = [&arguments, &known](const std::string& path) {
    Diagnostics of_the_project;  // `bfl lint` tells what is wrong with its file
    auto session = std::make_shared<Session>();
    session->path = path;
    session->settings = settings_of(arguments, path);
    session->project = project_of(path, of_the_project);
    lsp::Surroundings around{session->settings, lint::levels_of(session->project, of_the_project), {}};
    around.kept_catalogue = [session, &known](const std::string& source) -> std::shared_ptr<const Catalogue> {
      const std::string file = kept_path(*session, source);
      std::error_code failed;
      Known now{std::filesystem::last_write_time(file, failed), 0, {}};
      if (!failed) now.bytes = std::filesystem::file_size(file, failed);
      if (failed) return {};
      const auto found = known.find(file);
      if (found != known.end() && found->second.time == now.time && found->second.bytes == now.bytes) return found->second.catalogue;
      if (auto read = kept_catalogue(*session, source); read && *read) now.catalogue = std::make_shared<const Catalogue>(std::move(**read));
      return (known[file] = std::move(now)).catalogue;
    };
    return around;
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
