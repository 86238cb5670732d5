#include "interpreter/cli/kept.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "interpreter/lower/sql.h"
#include "interpreter/project/kept_catalogue.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {

namespace fs = std::filesystem;

std::string kept_path(const Session& session, const std::string& source) {
  const fs::path folder = session.project.root.empty() ? fs::path(session.settings.job_directory) : fs::path(session.project.root);
  std::error_code failed;
  return (folder / "schema" / (source + ".json")).lexically_proximate(fs::current_path(failed)).string();
}

Result<std::optional<Catalogue>> kept_catalogue(const Session& session, const std::string& source) {
  const std::string path = kept_path(session, source);
  std::error_code failed;
  if (source.find_first_of("/\\") != std::string::npos || !fs::exists(path, failed)) return std::optional<Catalogue>();
  auto text = read_script(path);
  if (!text) return text.error();
  auto read = project::read_catalogue(*text);
  if (!read) return Error{read.error().kind, fmt::format("`{}` cannot be used: {}", path, read.error().message), read.error().detail, fmt::format("`bfl schema pull {}` writes it anew", session.path)};
  return std::optional<Catalogue>(std::move(*read));
}

bool check_offline(Session& session) {
  ast::File file;
  if (!read_file(session, file)) return false;
  auto library = check::load_library(session.texts);
  Diagnostics places;
  session.program.sources = check::sources_of(file, session.texts, session.settings, places);
  for (const Diagnostic& found : places.all())
    if (found.code != Code::environment_missing) session.diagnostics.add(found);
  for (const program::Source& source : session.program.sources) {
    auto kept = kept_catalogue(session, source.name);
    if (!kept) add(session.diagnostics, Code::no_catalogue, source.span, kept.error());
    else if (!*kept)
      session.diagnostics.error(Code::no_catalogue, source.span, fmt::format("no catalogue of `{}` is kept: there is no `{}`", source.name, kept_path(session, source.name)),
                                fmt::format("where the database can be reached: `bfl schema pull {}`", session.path));
    else session.program.catalogues.push_back(std::move(**kept));
  }
  if (session.diagnostics.has_errors()) return false;
  session.program = check::check(file, session.texts, std::move(library), std::move(session.program.sources), std::move(session.program.catalogues), session.settings, session.diagnostics);
  return !session.diagnostics.has_errors();
}

bool plan_offline(Session& session) {
  if (!check_offline(session)) return false;
  lower::settle_routes(session.program);
  session.plan = plan::make(session.program, std::vector<std::string>(session.program.sources.size()), session.diagnostics);
  return !session.diagnostics.has_errors();
}

bool all_kept(const Session& session) {
  Sources texts;
  Diagnostics ignored;
  const ast::File file = syntax::parse(texts, texts.add(session.path, session.text), ignored);
  if (ignored.has_errors()) return false;
  std::error_code failed;
  bool any = false;
  for (const ast::NodeId item : ast::children(file, file.root))
    if (file[item].kind == ast::NodeKind::source) {
      any = true;
      if (!fs::exists(kept_path(session, std::string(file[item].text)), failed)) return false;
    }
  return any;
}

void compare_kept(Session& session) {
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    const program::Source& source = session.program.sources[i];
    auto kept = kept_catalogue(session, source.name);
    const std::string again = fmt::format("`bfl schema pull {}`", session.path);
    if (!kept) {
      session.diagnostics.warning(Code::catalogue_differs, source.span, kept.error().message, again);
      continue;
    }
    if (!*kept) continue;
    auto now = session.connectors[i]->catalogue();  // as the database says, before the job has said what its columns are
    if (!now) continue;
    const auto found = project::differences(**kept, *now);
    if (found.empty()) continue;
    Diagnostic& warned = session.diagnostics.warning(Code::catalogue_differs, source.span, fmt::format("`{}` is no longer as `{}` says", source.name, kept_path(session, source.name)), again);
    constexpr std::size_t most = 5;
    warned.notes.assign(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), most)));
    if (found.size() > most) warned.notes.push_back(fmt::format("and {} more", found.size() - most));
  }
}

}  // namespace bfl::cli
