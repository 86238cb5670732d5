#include "interpreter/cli/session.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/environments.h"
#include "interpreter/cli/outward.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/connect/derived.h"
#include "interpreter/eval/patterns.h"
#include "interpreter/eval/time_zone.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/report/words.h"
#include "interpreter/run/queries.h"
#include "interpreter/syntax/expand.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {
namespace {

std::map<std::string, std::string> pairs(const std::vector<std::string>& words) {
  std::map<std::string, std::string> result;
  for (const std::string& word : words) {
    const auto equals = word.find('=');  // the table has checked that there is one
    result[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return result;
}

Result<Digest> digest_of_file(const std::string& path) {
  std::error_code failed;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::filesystem::is_regular_file(path, failed) ? std::fopen(path.c_str(), "rb") : nullptr, &std::fclose);
  if (!file) return Error{ErrorClass::fatal, fmt::format("`{}` cannot be read", path)};
  Hasher hasher;
  char buffer[65'536];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, file.get())) hasher.add({buffer, count});
  if (std::ferror(file.get())) return Error{ErrorClass::fatal, fmt::format("`{}` cannot be read", path)};
  return hasher.finish();
}

}  // namespace

Error of_place(Error error, const program::Source& source) {
  const auto behind_scheme = [](const std::string& url) { return url.substr(url.find(':') + 1); };
  const std::string given = behind_scheme(source.url), safe = behind_scheme(source.shown);
  if (safe.find("***") == std::string::npos) return error;
  for (std::string* told : {&error.message, &error.detail, &error.help})
    for (auto at = told->find(given); at != std::string::npos; at = told->find(given, at + safe.size())) told->replace(at, given.size(), safe);
  return error;
}

Result<syntax::ModuleText> load_module(Session& session, const std::string& written) {
  const auto refused = [&](std::string why) {
    return Error{ErrorClass::refused, fmt::format("`{}` {}", written, why), {}, "a module is named by its path from the job's folder: `use \"lib/money.bfl\"`"};
  };
  if (const auto text = check::library_module(written)) return syntax::ModuleText{written, std::string(*text)};
  const std::filesystem::path path(written);
  if (path.is_absolute() || written.find('\0') != std::string::npos || written.find('\\') != std::string::npos) return refused("is no path within the job's folder");
  for (const auto& part : path)
    if (part == ".." || part == "." || part.empty()) return refused("is no plain path within the job's folder");
  if (path.extension() != ".bfl") return refused("is no module: its name does not end in `.bfl`");
  std::error_code failed;
  const auto root = std::filesystem::canonical(session.settings.job_directory.empty() ? "." : session.settings.job_directory, failed);
  const auto whole = root / path;
  if (!std::filesystem::exists(whole, failed)) return refused("does not exist");
  const auto real = std::filesystem::canonical(whole, failed);
  if (failed) return refused(fmt::format("cannot be read: {}", failed.message()));
  if (std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first != root.end()) return refused("leads out of the job's folder");
  auto text = read_script(real.string());
  if (!text) return text.error();
  session.modules.push_back(*text);
  return syntax::ModuleText{real.lexically_relative(root).string(), std::move(*text)};
}

namespace {

bool passing(const Error& error) { return error.kind == ErrorClass::transient || error.kind == ErrorClass::unknown_commit; }

bool connect_sources(Session& session, Access access) {
  for (const program::Source& source : session.program.sources) {
    connect::OpenOptions options;
    options.read_only = access == Access::read;
    options.settings = source.settings;
    auto connector = connect::open(source.url, options);
    // Of several, some may only be read: which, is known when the job is checked. Writing to such a one will be refused then.
    if (!connector && !passing(connector.error()) && !options.read_only && session.program.sources.size() > 1) {
      options.read_only = true;
      if (auto readable = connect::open(source.url, options)) connector = std::move(readable);
    }
    if (!connector) {
      session.resumable |= passing(connector.error());
      add(session.diagnostics, Code::cannot_connect, source.span, of_place(connector.error(), source));
      continue;
    }
    auto catalogue = (*connector)->catalogue();
    if (!catalogue) {
      session.resumable |= passing(catalogue.error());
      add(session.diagnostics, Code::cannot_connect, source.span, catalogue.error());
      continue;
    }
    session.connectors.push_back(std::move(*connector));
    session.program.catalogues.push_back(std::move(*catalogue));
  }
  return !session.diagnostics.has_errors();
}

constexpr std::string_view by_place = "at ";  // begins an identity that is none

// By what a source goes into memo keys: a file by its content, a database by the identity in its ledger, or, where the job
// only reads it and there is none, by its place.
Result<std::string> identity_of(connect::Connector& connector, const program::Source& source, bool keeps) {
  if (auto content = connector.content_digest()) return *content;
  auto identity = ledger::identity(connector);
  if (identity && identity->empty() && !keeps) return std::string(by_place) + source.url;
  return identity;
}

bool identify(Session& session, Access access) {
  session.identities.clear();
  const std::vector<bool> keeps = keepers(session.program);
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    const Span span = session.program.sources[i].span;
    connect::Connector& target = *session.connectors[i];
    if (access == Access::write && keeps[i]) {
      if (auto made = ledger::set_up(target); !made) {
        const bool newer = made.error().kind == ErrorClass::refused;
        session.resumable = passing(made.error());
        add(session.diagnostics, newer ? Code::version_too_new : Code::database_error, span, made.error());
        return false;
      }
    }
    auto identity = identity_of(target, session.program.sources[i], keeps[i]);
    if (!identity) {
      const bool newer = identity.error().kind == ErrorClass::refused;
      session.resumable = passing(identity.error());
      add(session.diagnostics, newer ? Code::version_too_new : Code::database_error, span, identity.error());
      return false;
    }
    session.identities.push_back(std::move(*identity));
  }
  return true;
}

}  // namespace

std::vector<bool> keepers(const program::Program& program) {
  std::vector<bool> keeps(program.sources.size());
  for (const program::Step& step : program.steps)
    if (step.keeper >= 0) keeps[static_cast<std::size_t>(step.keeper)] = true;
  return keeps;
}

std::vector<connect::Connector*> Session::targets() const {
  std::vector<connect::Connector*> all;
  for (const auto& connector : connectors) all.push_back(connector.get());
  return all;
}

std::string Session::lasting_identity(std::size_t source) const { return identities[source].starts_with(by_place) ? "" : identities[source]; }

Result<std::string> read_script(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0)
    return Error{ErrorClass::fatal, fmt::format("`{}` cannot be read: {}", path, std::strerror(errno)), {}, "give the path of a job, `*.bfl`"};
  if (!S_ISREG(about.st_mode))
    return Error{ErrorClass::fatal, fmt::format("`{}` is {}, expected a file", path, S_ISDIR(about.st_mode) ? "a folder" : "no regular file"), {},
                 "give the path of a job, `*.bfl`"};
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return Error{ErrorClass::permission, fmt::format("`{}` cannot be read: {}", path, std::strerror(errno)), {}, {}};
  std::string text(std::min<std::size_t>(static_cast<std::size_t>(about.st_size) + 1, syntax::max_file_bytes + 1), '\0');
  const std::size_t length = std::fread(text.data(), 1, text.size(), file);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) return Error{ErrorClass::fatal, fmt::format("`{}` cannot be read", path), {}, {}};
  text.resize(length);
  return text;
}

std::string job_of(const Arguments& arguments) {
  for (const std::string& operand : arguments.operands)
    if (operand.ends_with(".bfl")) return operand;
  return arguments.operands[0];
}

check::Settings settings_of(const Arguments& arguments, const std::string& path) {
  check::Settings settings;
  settings.parameters = pairs(arguments.all("set"));
  settings.sources = pairs(arguments.all("source"));
  std::error_code ignored;
  auto folder = std::filesystem::absolute(path, ignored).parent_path();
  settings.job_directory = folder.lexically_normal().string();
  settings.pattern_error = eval::pattern_error;
  settings.zone_names = eval::zone_names;
  settings.file_digest = digest_of_file;
  return settings;
}

bool load(Session& session, const Arguments& arguments) { return load(session, arguments, job_of(arguments)); }

bool load(Session& session, const Arguments& arguments, const std::string& path) {
  session.path = path;
  session.settings = settings_of(arguments, path);
  session.project = project_of(path, session.diagnostics);
  session.levels = lint::levels_of(session.project, session.diagnostics);
  check_outside(session.project, session.diagnostics);
  if (session.diagnostics.has_errors()) {
    session.texts = session.project.texts;
    session.project_wrong = true;
    return false;
  }
  if (!take_environment(session, arguments)) return false;
  auto text = read_script(session.path);
  if (!text) {
    session.texts.add(session.path, "");
    add(session.diagnostics, Code::file_not_readable, {}, text.error());
    return false;
  }
  session.text = std::move(*text);
  return true;
}

bool read_file(Session& session, ast::File& file) {
  const std::uint32_t source = session.texts.add(session.path, session.text);
  file = syntax::parse(session.texts, source, session.diagnostics);
  if (session.diagnostics.has_errors()) return false;
  syntax::expand(file, session.texts, [&session](const std::string& written) { return load_module(session, written); }, session.diagnostics);
  for (const std::string& name : session.of_environment) {
    bool there = false;
    for (const ast::NodeId item : ast::children(file, file.root)) there = there || (file[item].kind == ast::NodeKind::source && file[item].text == name);
    if (!there) session.settings.sources.erase(name);
  }
  return !session.diagnostics.has_errors();
}

namespace {

// As the job says, of which nothing is checked here.
void mark_sensitive(const ast::File& file, const std::string& source, Catalogue& catalogue) {
  for (const ast::NodeId item : ast::children(file, file.root)) {
    if (file[item].kind != ast::NodeKind::source || file[item].text != source) continue;
    for (const ast::NodeId part : ast::children(file, item)) {
      if ((file[part].flags & ast::flag::secret) == 0) continue;
      std::string path(file[part].text);
      std::erase(path, '`');
      for (Table& table : catalogue.tables)
        for (Column& column : table.columns)
          if (path == table.name + "." + column.name) column.sensitive = true;
    }
  }
}

// What the database itself makes of such values is marked with them.
bool mark_sensitive(Session& session, const ast::File& file) {
  for (std::size_t i = 0; i < session.program.sources.size(); ++i) {
    const program::Source& source = session.program.sources[i];
    mark_sensitive(file, source.name, session.program.catalogues[i]);
    if (auto marked = connect::mark_derived(*session.connectors[i], session.program.catalogues[i]); !marked) add(session.diagnostics, Code::cannot_connect, source.span, marked.error());
  }
  return !session.diagnostics.has_errors();
}

}  // namespace

bool open_sources(Session& session, Access access, const std::string& only) {
  ast::File file;
  if (!read_file(session, file)) return false;
  for (const ast::NodeId item : ast::children(file, file.root))
    if (file[item].kind == ast::NodeKind::job) session.program.job = file[item].text;
  session.program.sources = check::sources_of(file, session.texts, session.settings, session.diagnostics);
  if (!only.empty()) std::erase_if(session.program.sources, [&](const program::Source& source) { return source.name != only; });
  if (session.diagnostics.has_errors() || !connect_sources(session, access)) return false;
  return mark_sensitive(session, file);
}

bool check(Session& session, Access access) {
  ast::File file;
  if (!read_file(session, file)) return false;
  auto library = check::load_library(session.texts);
  session.program.sources = check::sources_of(file, session.texts, session.settings, session.diagnostics);
  if (session.diagnostics.has_errors() || !connect_sources(session, access) || (session.connected && !session.connected()) || !mark_sensitive(session, file)) return false;
  session.program = check::check(file, session.texts, std::move(library), std::move(session.program.sources),
                                 std::move(session.program.catalogues), session.settings, session.diagnostics);
  if (!session.diagnostics.has_errors()) run::compare_queries(session.program, session.targets(), session.diagnostics);
  return !session.diagnostics.has_errors();
}

bool make_plan(Session& session, Access access, const std::function<bool()>& sound) {
  if (!check(session, access) || !identify(session, Access::read)) return false;
  lower::settle_routes(session.program);
  session.plan = plan::make(session.program, session.identities, session.diagnostics);
  if (session.diagnostics.has_errors()) return false;
  if (sound && !sound()) return false;
  if (access == Access::read) return true;
  // Sound: now bfl's tables may be made, and the keys need the identities that they hold.
  const auto before = session.identities;
  if (!identify(session, Access::write)) return false;
  if (session.identities != before) session.plan = plan::make(session.program, session.identities, session.diagnostics);
  return !session.diagnostics.has_errors();
}

void show(const Diagnostics& diagnostics, const Sources& texts) {
  if (diagnostics.all().empty()) return;
  std::fflush(stdout);
  report::say(stderr, "{}", render(diagnostics, texts, {has_color(stderr)}));
}

int refused(Session& session) {
  session.diagnostics.sort_by_position();
  show(session.diagnostics, session.texts);
  return exit_code_of(session);
}

int exit_code_of(const Session& session) {
  return session.bad_input ? exit_code::script : session.resumable ? exit_code::resumable : exit_code_of(session.diagnostics);
}

int exit_code_of(const Diagnostics& diagnostics) {
  int code = exit_code::done;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != Severity::error) continue;
    switch (diagnostic.code) {
      case Code::job_held: return exit_code::resumable;
      case Code::version_too_new: case Code::target_behind: case Code::step_changed: case Code::plan_void: case Code::plan_damaged: case Code::nothing_to_keep: case Code::plan_in_part:
      case Code::approval_missing: case Code::policy_forbids: case Code::not_promoted: case Code::key_unusable: case Code::evidence_refused: return exit_code::refused;
      // As a run would end.
      case Code::check_failed: case Code::verify_failed: case Code::expectation_failed: case Code::children_left: case Code::data_error: case Code::join_mismatch: return exit_code::failed;
      default: break;
    }
    // A wrong script is said first: mending it may need no database.
    const bool world = code_text(diagnostic.code).substr(0, 5) == "BFL05" || diagnostic.code == Code::file_not_readable;
    if (code != exit_code::script) code = world ? exit_code::world : exit_code::script;
  }
  return code;
}

void add(Diagnostics& diagnostics, Code code, Span span, const Error& error) {
  Diagnostic& added = diagnostics.error(code, span, error.message, error.help);
  if (!error.detail.empty()) added.notes.push_back(error.detail);
}

}  // namespace bfl::cli
