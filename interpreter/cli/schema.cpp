// `bfl schema pull`: the catalogues of a job's sources, kept in the repository.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/scripts.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/project/kept_catalogue.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

// The sources of a job, opened; or, without a job, the one that is given as NAME=URL.
bool open(Session& session, const Arguments& arguments, const std::string& what) {
  const auto equals = what.find('=');
  if (what.ends_with(".bfl") || equals == std::string::npos) return load(session, arguments, what) && open_sources(session, Access::read);
  session.path = fmt::format("{}.bfl", what.substr(0, equals));
  session.settings = settings_of(arguments, session.path);
  session.project = project_of(session.path, session.diagnostics);
  if (session.diagnostics.has_errors()) return session.texts = session.project.texts, false;
  session.settings.sources[what.substr(0, equals)] = what.substr(equals + 1);
  // A job of nothing but the source: its place is read, and hidden, as that of any.
  session.text = fmt::format("job schema {{ why \"\" }}\nsource {} = sqlite(\"\")\n", what.substr(0, equals));
  return open_sources(session, Access::read);
}

enum class Outcome : std::uint8_t { same, written };

Result<Outcome> keep(const std::string& path, const std::string& text) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (auto old = fs::exists(path, failed) ? read_script(path) : Result<std::string>(std::string()); old && *old == text) return Outcome::same;
  fs::create_directories(fs::path(path).parent_path(), failed);
  if (!fs::exists(path, failed))
    if (std::FILE* made = std::fopen(path.c_str(), "wbx")) std::fclose(made);
  if (auto written = write_script(path, text); !written) return written.error();
  return Outcome::written;
}

}  // namespace

int keep_schema(const Arguments& arguments) {
  Session session;
  const bool json = arguments.has("json");
  auto list = nlohmann::ordered_json::array();
  if (!open(session, arguments, arguments.operands[1])) {
    show(session.diagnostics, session.texts);
    return exit_code_of(session);
  }
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    const program::Source& source = session.program.sources[i];
    const Catalogue& catalogue = session.program.catalogues[i];
    const std::string path = kept_path(session, source.name);
    if (source.name.find_first_of("/\\") != std::string::npos) {
      report::say(stderr, "{}: the name `{}` makes no file\n", paint(stderr, Paint::error, "error"), source.name);
      return exit_code::script;
    }
    auto done = keep(path, project::write_catalogue(catalogue));
    if (!done) {
      report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), done.error().message);
      return exit_code::world;
    }
    const auto tables = static_cast<std::int64_t>(catalogue.tables.size());
    list.push_back({{"source", source.name}, {"path", path}, {"tables", tables}, {"changed", *done == Outcome::written}});
    if (!json) report::say(stdout, "{}: {} of `{}`{}\n", path, report::counted(tables, "table"), source.name, *done == Outcome::same ? ", as it was" : "");
  }
  if (json) report::say(stdout, "{}\n", nlohmann::ordered_json{{"kept", std::move(list)}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return exit_code::done;
}

}  // namespace bfl::cli
