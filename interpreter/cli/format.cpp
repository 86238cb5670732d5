// `bfl fmt`: scripts in their canonical layout.
#include "interpreter/syntax/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/scripts.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/line_diff.h"
#include "interpreter/report/words.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {

namespace {

void complain(const Error& error) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), error.message);
  if (!error.help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), error.help);
}

std::string standard_input() {
  std::string text;
  char part[65536];
  for (std::size_t length = 0; (length = std::fread(part, 1, sizeof part, stdin)) != 0 && text.size() <= syntax::max_file_bytes;)
    text.append(part, length);
  return text;
}

enum class Outcome : std::uint8_t { same, other, wrong, refused };

Outcome format_one(const std::string& path, const Arguments& arguments, nlohmann::ordered_json& files) {
  const bool stream = path == "-";
  Result<std::string> text = stream ? Result<std::string>(standard_input()) : read_script(path);
  if (!text) return complain(text.error()), Outcome::wrong;
  Sources sources;
  Diagnostics mistakes;
  const ast::File file = syntax::parse(sources, sources.add(stream ? "standard input" : path, *text), mistakes);
  if (mistakes.has_errors()) return show(mistakes, sources), Outcome::wrong;
  const Result<std::string> done = syntax::format(file, sources);
  if (!done) return complain({done.error().kind, fmt::format("`{}`: {}", path, done.error().message), {}, done.error().help}), Outcome::refused;
  const bool same = *done == *text, looks = arguments.has("check") || arguments.has("diff"), json = arguments.has("json");
  if (!same && !looks && !stream)
    if (Result<void> written = write_script(path, *done); !written) return complain(written.error()), Outcome::refused;
  const std::string diff = arguments.has("diff") ? report::line_diff(*text, *done, path, path + " (as `bfl fmt` writes it)") : "";
  if (json) {
    files.push_back({{"path", path}, {"formatted", same}});
    if (arguments.has("diff")) files.back()["diff"] = diff;
    if (stream && !looks) files.back()["text"] = *done;
  } else if (arguments.has("diff")) {
    report::put(stdout, diff);
  } else if (stream && !looks) {
    report::put(stdout, *done);
  } else if (!same) {
    report::say(stdout, "{}\n", path);
  }
  return same ? Outcome::same : Outcome::other;
}

}  // namespace

int format_scripts(const Arguments& arguments) {
  bool others = false;
  auto files = nlohmann::ordered_json::array();
  int code = exit_code::done;
  for (const std::string& path : scripts_of(arguments.operands)) {
    switch (format_one(path, arguments, files)) {
      case Outcome::same: break;
      case Outcome::other: others = true; break;
      case Outcome::wrong: code = std::max(code, exit_code::script); break;
      case Outcome::refused: code = std::max(code, exit_code::world); break;
    }
  }
  if (arguments.has("json")) report::say(stdout, "{}\n", nlohmann::ordered_json{{"files", std::move(files)}}.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  if (code != exit_code::done) return code;
  return others && (arguments.has("check") || arguments.has("diff")) ? exit_code::failed : exit_code::done;
}

}  // namespace bfl::cli
