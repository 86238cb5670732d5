// Where the data are: the URL of each source, from the script, the environment or the command line. A URL may hold a secret:
// what is shown of it never does.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "interpreter/check/check.h"
#include "interpreter/check/checker.h"
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

// The kinds of sources: what a script calls them, and how their place is written.
struct Engine {
  std::string_view name, example;
};
constexpr Engine engines[] = {
    {"sqlite", "sqlite(\"FILE\")"},
    {"csv", "csv(\"FILE.csv\")"},
    {"postgres", "postgres(env(\"NAME\"))"},
    {"postgresql", "postgresql(env(\"NAME\"))"},
};

const Engine* engine_named(std::string_view name) {
  for (const Engine& engine : engines)
    if (engine.name == name) return &engine;
  return nullptr;
}
constexpr int most_workers = 16;
bool is_server(std::string_view engine) { return engine == "postgres" || engine == "postgresql"; }

// Where a password stands: between the user and the host, or as a parameter.
struct Secret { std::size_t begin = 0, end = 0; };
std::optional<Secret> secret_in(const std::string& url) {
  if (const auto slashes = url.find("://"); slashes != std::string::npos) {
    const auto end = std::min(url.find_first_of("/?", slashes + 3), url.size());
    const auto host = url.rfind('@', end == 0 ? 0 : end - 1);
    const auto colon = url.find(':', slashes + 3);
    if (host != std::string::npos && host > slashes && host < end && colon < host) return Secret{colon + 1, host};
  }
  for (const char* key : {"password=", "password =", "sslpassword=", "passwd=", "pwd=", "key=", "hexkey=", "token=", "secret="})
    for (auto found = url.find(key); found != std::string::npos; found = url.find(key, found + 1)) {
      const char before = found == 0 ? '?' : url[found - 1];
      if (before != '?' && before != '&' && before != ';' && before != ' ') continue;
      auto begin = found + std::string_view(key).size();
      // `password = 'a b'`, as libpq's keywords may be written; in such quotes a backslash takes the next character along.
      while (begin < url.size() && url[begin] == ' ') ++begin;
      auto end = std::min(url.find_first_of("&; ", begin), url.size());
      if (begin < url.size() && url[begin] == '\'') {
        for (end = begin + 1; end < url.size() && url[end] != '\''; ++end)
          if (url[end] == '\\') ++end;
        end = std::min(end + 1, url.size());
      }
      return Secret{begin, end};
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
    NodeId written = ast::no_node;
    for (NodeId part : ast::children(file_, item))
      if (file_[part].kind != NodeKind::column_decl) written = part;
    const Engine* engine = written != ast::no_node && file_[written].kind == NodeKind::call ? engine_named(file_[written].text) : nullptr;
    NodeId place = ast::no_node;
    std::size_t places = 0;
    if (engine)
      for (NodeId argument : ast::children(file_, written)) {
        if (file_[argument].kind == NodeKind::named_arg) setting(made, *engine, argument);
        else if (places++ == 0) place = argument;
      }
    if (const auto given = settings_.sources.find(made.name); given != settings_.sources.end()) {
      locate(made, given->second, engine ? engine->name : "sqlite", made.span, false);
      return made;
    }
    if (written == ast::no_node) return made;
    made.span = file_[written].span;
    if (file_[written].kind != NodeKind::call) {
      diagnostics_.error(Code::not_constant, made.span, "a source is a database or a file", fmt::format("write `source {} = sqlite(\"FILE\")`", made.name));
      return made;
    }
    const std::string_view named = file_[written].text;
    if (named == "env") {
      if (auto url = environment(written)) locate(made, *url, "sqlite", made.span, false);
      return made;
    }
    if (!engine) {
      // The text may hold a password, whatever the engine.
      if (const NodeId argument = file_[written].first_child; argument != ast::no_node && file_[argument].kind == NodeKind::string)
        if (auto url = syntax::string_content(file_, argument, diagnostics_); url && refuse_secret(*url, file_[argument].span)) return made;
      std::vector<std::string> known{"env"};
      for (const Engine& each : engines) known.emplace_back(each.name);
      const std::string meant = nearest(named, known);
      diagnostics_.error(Code::unknown_function, file_[written].name_span, fmt::format("unknown kind of source `{}`", named), meant.empty() ? "write `sqlite(\"FILE\")`" : fmt::format("did you mean `{}`?", meant));
      return made;
    }
    if (places != 1) {
      diagnostics_.error(Code::wrong_arguments, made.span, fmt::format("`{}` takes one place, got {}", named, places), fmt::format("write `{}`", engine->example));
      return made;
    }
    const Span span = file_[place].span;
    if (file_[place].kind == NodeKind::string) {
      auto path = syntax::string_content(file_, place, diagnostics_);
      if (path && !refuse_secret(*path, span)) locate(made, *path, named, span, true);
    } else if (file_[place].kind == NodeKind::call && file_[place].text == "env") {
      if (auto path = environment(place)) locate(made, *path, named, span, true);
    } else {
      diagnostics_.error(Code::not_constant, span, "the place of a source is a text or comes from the environment", is_server(named) ? fmt::format("write `{}`", engine->example) : fmt::format("write `{0}` or `{1}(env(\"NAME\"))`", engine->example, named));
    }
    return made;
  }

  // `csv(PATH, delimiter: ";", header: false, nulls: "NULL")`: how the text is read.
  void setting(program::Source& made, const Engine& engine, NodeId argument) {
    const std::string_view name = file_[argument].text;
    if (is_server(engine.name) && (name == "workers" || name == "steps" || name == "at_once")) {
      const NodeId value = file_[argument].first_child;
      const std::string digits = value != ast::no_node && file_[value].kind == NodeKind::integer ? std::string(file_[value].text) : "";
      const int number = digits.empty() || digits.size() > 2 ? 0 : std::atoi(digits.c_str());
      if (number < 1 || number > most_workers)
        diagnostics_.error(Code::not_constant, file_[argument].span, fmt::format("`{}` is a number from 1 to {}", name, most_workers), fmt::format("write `{}: 2`", name));
      made.settings.emplace_back(name, std::to_string(number));
      return;
    }
    if (engine.name != "csv" || (name != "delimiter" && name != "header" && name != "nulls")) {
      diagnostics_.error(Code::wrong_arguments, file_[argument].name_span, fmt::format("`{}` has no argument `{}`", engine.name, name),
                         engine.name == "csv" ? "it takes `delimiter`, `header` and `nulls`" : is_server(engine.name) ? "it takes `workers`, `steps` and `at_once`" : fmt::format("write `{}`", engine.example));
      return;
    }
    const NodeId value = file_[argument].first_child;
    const NodeKind kind = value == ast::no_node ? NodeKind::error : file_[value].kind;
    if (name == "header") {
      if (kind != NodeKind::true_ && kind != NodeKind::false_)
        diagnostics_.error(Code::not_constant, file_[argument].span, "`header` is true or false", "write `header: false`");
      made.settings.emplace_back(name, kind == NodeKind::true_ ? "true" : "false");
      return;
    }
    auto text = kind == NodeKind::string ? syntax::string_content(file_, value, diagnostics_) : std::nullopt;
    const bool good = text && (name == "nulls" || (text->size() == 1 && static_cast<unsigned char>((*text)[0]) < 0x80 && *text != "\"" && *text != "\n" && *text != "\r"));
    if (!good)
      diagnostics_.error(Code::not_constant, file_[argument].span, fmt::format("`{}` is {}", name, name == "nulls" ? "a text" : "one character of ASCII in quotes"),
                         fmt::format("write `{}`", name == "nulls" ? "nulls: \"NULL\"" : "delimiter: \";\""));
    else made.settings.emplace_back(name, *text);
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
    if (!engine_named(url.scheme)) {
      diagnostics_.error(Code::cannot_connect, span, fmt::format("sources of kind `{}` are not known", url.scheme), "write `sqlite:PATH`, `csv:PATH` or `postgres://HOST/DATABASE`");
      return;
    }
    if (is_server(url.scheme)) {
      // A URL goes on as it is; keywords (`host=… dbname=…`) behind the scheme's name.
      made.url = url.scheme + ":" + url.rest;
      made.shown = safe(made.url);
      return;
    }
    made.shown = safe(url.scheme + ":" + url.rest);
    if (url.rest.starts_with("//")) {
      url.rest.erase(0, 2);
      made.shown.erase(url.scheme.size() + 1, 2);
    }
    if (url.rest.empty() || url.rest.find('\0') != std::string::npos) {
      diagnostics_.error(Code::cannot_connect, span, "the path of the source is empty", fmt::format("write `{}`", engine_named(url.scheme)->example));
      return;
    }
    const bool absolute = url.rest.front() == '/' || url.rest.starts_with(":memory:") || url.rest.starts_with("file:");
    if (relative && !absolute && !settings_.job_directory.empty()) url.rest = settings_.job_directory + (settings_.job_directory.ends_with('/') ? "" : "/") + url.rest;
    made.url = url.scheme + ":" + url.rest;
  }

  const ast::File& file_;
  const Settings& settings_;
  Diagnostics& diagnostics_;
};

}  // namespace

bool holds_secret(const std::string& url) { return secret_in(url).has_value(); }

std::vector<program::Source> sources_of(const ast::File& file, const Sources&, const Settings& settings, Diagnostics& diagnostics) {
  return Reader(file, settings, diagnostics).all();
}

}  // namespace bfl::check
