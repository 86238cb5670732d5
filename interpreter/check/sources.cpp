// Where the data are: the URL of each source, from the script, the environment or the command line. A URL may hold a secret:
// what is shown of it never does.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "interpreter/check/check.h"
#include "interpreter/syntax/parse.h"

namespace bfl::check {

namespace {

using ast::NodeId;
using ast::NodeKind;

struct Url {
  std::string scheme, rest;  // `sqlite`, and what stands behind `:`
};

Url split(const std::string& url) {
  const auto colon = url.find(':');
  if (colon == std::string::npos || colon < 2) return {"", url};
  const std::string scheme = url.substr(0, colon);
  if (!std::all_of(scheme.begin(), scheme.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+'; })) return {"", url};
  return {scheme, url.substr(colon + 1)};
}

// Where a password stands: between the user and the host, or as a parameter.
struct Secret { std::size_t begin = 0, end = 0; };
std::optional<Secret> secret_in(const std::string& url) {
  if (const auto slashes = url.find("://"); slashes != std::string::npos) {
    const auto end = std::min(url.find_first_of("/?", slashes + 3), url.size());
    const auto host = url.rfind('@', end == 0 ? 0 : end - 1);
    const auto colon = url.find(':', slashes + 3);
    if (host != std::string::npos && host > slashes && host < end && colon < host) return Secret{colon + 1, host};
  }
  for (const char* key : {"password=", "passwd=", "pwd=", "key=", "hexkey=", "token=", "secret="})
    for (auto found = url.find(key); found != std::string::npos; found = url.find(key, found + 1)) {
      const char before = found == 0 ? '?' : url[found - 1];
      if (before != '?' && before != '&' && before != ';' && before != ' ') continue;
      const auto begin = found + std::string_view(key).size();
      return Secret{begin, std::min(url.find_first_of("&; ", begin), url.size())};
    }
  return std::nullopt;
}

std::string safe(std::string url) {
  for (int i = 0; i < 8; ++i) {
    const auto secret = secret_in(url);
    if (!secret || url.compare(secret->begin, secret->end - secret->begin, "***") == 0) break;
    url.replace(secret->begin, secret->end - secret->begin, "***");
  }
  return url;
}

class Reader {
 public:
  Reader(const ast::File& file, const Settings& settings, Diagnostics& diagnostics) : file_(file), settings_(settings), diagnostics_(diagnostics) {}

  std::vector<program::Source> all() {
    std::vector<program::Source> sources;
    for (NodeId item : ast::children(file_, file_.root))
      if (file_[item].kind == NodeKind::source) sources.push_back(source(item));
    for (const auto& [name, url] : settings_.sources) {
      std::vector<std::string> known;
      for (const auto& declared : sources) known.push_back(declared.name);
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string meant = nearest(name, known);
      diagnostics_.error(Code::unknown_source, {0, 0, file_.source}, fmt::format("--source {}: the job has no such source", name), meant.empty() ? "" : fmt::format("did you mean `{}`?", meant));
    }
    return sources;
  }

 private:
  program::Source source(NodeId item) {
    program::Source made{.name = std::string(file_[item].text), .url = {}, .shown = {}, .span = file_[item].name_span};
    if (const auto given = settings_.sources.find(made.name); given != settings_.sources.end()) {
      locate(made, given->second, "sqlite", made.span, false);
      return made;
    }
    NodeId written = ast::no_node;
    for (NodeId part : ast::children(file_, item))
      if (file_[part].kind != NodeKind::column_decl) written = part;
    if (written == ast::no_node) return made;
    made.span = file_[written].span;
    if (file_[written].kind != NodeKind::call) {
      diagnostics_.error(Code::not_constant, made.span, "a source is a database", fmt::format("write `source {} = sqlite(\"FILE\")`", made.name));
      return made;
    }
    const std::string_view engine = file_[written].text;
    if (engine == "env") {
      if (auto url = environment(written)) locate(made, *url, "sqlite", made.span, false);
      return made;
    }
    if (engine != "sqlite") {
      const bool later = engine == "postgres" || engine == "postgresql" || engine == "csv";
      // The text may hold a password, whatever the engine.
      if (const NodeId argument = file_[written].first_child; argument != ast::no_node && file_[argument].kind == NodeKind::string)
        if (auto url = syntax::string_content(file_, argument, diagnostics_); url && refuse_secret(*url, file_[argument].span)) return made;
      const std::string meant = nearest(engine, {"sqlite", "env"});
      if (later) diagnostics_.error(Code::not_supported, file_[written].name_span, fmt::format("`{}` is not in this version", engine), "write `sqlite(\"FILE\")`");
      else diagnostics_.error(Code::unknown_function, file_[written].name_span, fmt::format("unknown kind of source `{}`", engine), meant.empty() ? "write `sqlite(\"FILE\")`" : fmt::format("did you mean `{}`?", meant));
      return made;
    }
    const NodeId argument = file_[written].first_child;
    if (argument == ast::no_node || file_[argument].next_sibling != ast::no_node) {
      diagnostics_.error(Code::wrong_arguments, made.span, fmt::format("`sqlite` takes one argument, got {}", ast::child_count(file_, written)), "write `sqlite(\"FILE\")`");
      return made;
    }
    if (file_[argument].kind == NodeKind::string) {
      auto path = syntax::string_content(file_, argument, diagnostics_);
      if (path && !refuse_secret(*path, file_[argument].span)) locate(made, *path, "sqlite", file_[argument].span, true);
    } else if (file_[argument].kind == NodeKind::call && file_[argument].text == "env") {
      if (auto path = environment(argument)) locate(made, *path, "sqlite", file_[argument].span, true);
    } else {
      diagnostics_.error(Code::not_constant, file_[argument].span, "the file of a source is a text or comes from the environment", "write `sqlite(\"FILE\")` or `sqlite(env(\"NAME\"))`");
    }
    return made;
  }

  bool refuse_secret(const std::string& url, Span span) {
    if (!secret_in(url)) return false;
    diagnostics_.error(Code::secret_in_source, span, "the URL holds a password", "scripts are kept and shared: write `env(\"NAME\")` and set the variable where the job runs");
    return true;
  }

  std::optional<std::string> environment(NodeId call) {
    const NodeId argument = file_[call].first_child;
    if (argument == ast::no_node || file_[argument].kind != NodeKind::string || file_[argument].next_sibling != ast::no_node) {
      diagnostics_.error(Code::wrong_arguments, file_[call].span, "`env` takes the name of a variable", "write `env(\"NAME\")`");
      return std::nullopt;
    }
    const auto name = syntax::string_content(file_, argument, diagnostics_);
    if (!name) return std::nullopt;
    const char* value = std::getenv(name->c_str());
    if (value && *value) return std::string(value);
    diagnostics_.error(Code::environment_missing, file_[argument].span, fmt::format("the environment variable `{}` is {}", *name, value ? "empty" : "not set"), fmt::format("set it, or say where: `--source NAME=URL`"));
    return std::nullopt;
  }

  // `relative`: a path that starts at the job's folder, not where the command was typed.
  void locate(program::Source& made, const std::string& given, std::string_view engine, Span span, bool relative) {
    Url url = split(given);
    if (url.scheme.empty()) url.scheme = engine;
    if (url.scheme != "sqlite") {
      const bool later = url.scheme == "postgres" || url.scheme == "postgresql" || url.scheme == "csv";
      diagnostics_.error(later ? Code::not_supported : Code::cannot_connect, span, fmt::format("sources of kind `{}` are not {}", url.scheme, later ? "in this version" : "known"), "write `sqlite:PATH`");
      return;
    }
    if (url.rest.starts_with("//")) url.rest.erase(0, 2);
    if (url.rest.empty() || url.rest.find('\0') != std::string::npos) {
      diagnostics_.error(Code::cannot_connect, span, "the path of the database is empty", "write `sqlite(\"FILE\")`");
      return;
    }
    made.shown = safe("sqlite:" + url.rest);
    const bool absolute = url.rest.front() == '/' || url.rest.starts_with(":memory:") || url.rest.starts_with("file:");
    if (relative && !absolute && !settings_.job_directory.empty()) url.rest = settings_.job_directory + (settings_.job_directory.ends_with('/') ? "" : "/") + url.rest;
    made.url = "sqlite:" + url.rest;
  }

  const ast::File& file_;
  const Settings& settings_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<program::Source> sources_of(const ast::File& file, const Sources&, const Settings& settings, Diagnostics& diagnostics) {
  return Reader(file, settings, diagnostics).all();
}

}  // namespace bfl::check
