// `bfl explain`, `bfl doc`, `bfl version`: what is known without a job.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/check/check.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/connect/postgres_error.h"
#include "interpreter/connect/sqlite_error.h"
#include "interpreter/report/explain.h"
#include "interpreter/report/lint_text.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

int unknown(std::string_view what, const std::string& name, const std::vector<std::string>& known, std::string_view list) {
  const std::string meant = nearest(name, known);
  report::say(stderr, "{}: unknown {} `{}`\n{}: {}\n", paint(stderr, Paint::error, "error"), what, name, paint(stderr, Paint::help, "help"),
             meant.empty() ? std::string(list) : fmt::format("did you mean `{}`?", meant));
  return exit_code::script;
}

struct Engine { std::string_view name; std::span<const connect::ErrorRow> rows; };

// What bfl does about an error of the class.
std::string_view then(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::transient: return "the chunk is rolled back and tried again, as `retry` says; then the step is paused, exit code 75";
    case ErrorClass::data: return "the chunk is rolled back and the row is named, exit code 1";
    case ErrorClass::unknown_commit: return "the target is asked whether the chunk was committed; what was is not done again";
    case ErrorClass::stale_schema: return "the run stops resumably, exit code 75: the schema is another one than the job was checked against";
    case ErrorClass::interrupted: return "the chunk is rolled back; somebody asked for it";
    case ErrorClass::refused: return "the run stops, exit code 4";
    default: return "the run stops, exit code 5; what is committed stays";
  }
}

// Errors of the engines: a whole table, or one code of it; of PostgreSQL a code that has no row of its own is in its class.
bool explain_error(const std::string& name, bool json) {
  const Engine engines[] = {{"postgres", connect::postgres::error_rows()}, {"sqlite", connect::sqlite::error_rows()}};
  auto list = nlohmann::ordered_json::array();
  const auto add = [&](std::string_view engine, const connect::ErrorRow& row) {
    list.push_back({{"engine", engine}, {"code", row.code}, {"class", report::word(row.kind)}, {"why", row.why}, {"then", then(row.kind)}});
  };
  for (const Engine& engine : engines)
    for (const connect::ErrorRow& row : engine.rows) {
      const bool state = name.size() == 5 && engine.name == "postgres" && row.code.size() == 2 && name.starts_with(row.code) && list.empty();
      if (name == engine.name || name == row.code || state) add(engine.name, row);
    }
  if (list.empty()) return false;
  if (json) return report::say(stdout, "{}\n", list.dump(2)), true;
  if (list.size() == 1) {
    report::say(stdout, "{}: {}\n\n{}\n{}\n", list[0]["code"].get<std::string>(), list[0]["class"].get<std::string>(), list[0]["why"].get<std::string>(), list[0]["then"].get<std::string>());
    return true;
  }
  for (const auto& row : list) report::say(stdout, "{:<24} {:<15} {}\n", row["code"].get<std::string>(), row["class"].get<std::string>(), row["why"].get<std::string>());
  return true;
}

}  // namespace

int explain_code(const Arguments& arguments) {
  if (arguments.operands.empty()) return report::say(stdout, "{}", report::list_of_codes()), exit_code::done;
  const std::string& name = arguments.operands[0];
  if (explain_error(name, arguments.has("json"))) return exit_code::done;
  auto code = report::code_named(name);
  if (const lint::Rule* rule = code ? nullptr : lint::rule_named(name))
    return report::say(stdout, "{}", arguments.has("json") ? report::explanation_json(*rule) + "\n" : report::explain(*rule)), exit_code::done;
  if (!code) {
    std::vector<std::string> known;
#define BFL_CODE(id, text, title) known.insert(known.end(), {text, #id});
#include "interpreter/base/codes.def"
#undef BFL_CODE
    return unknown("code", name, known, "`bfl explain` lists the codes");
  }
  const report::Explanation* entry = report::explanation(*code);
  if (!entry) return report::say(stdout, "{}: {}\n", code_text(*code), code_title(*code)), exit_code::done;
  report::say(stdout, "{}", arguments.has("json") ? report::explanation_json(*entry) + "\n" : report::explain(*entry));
  return exit_code::done;
}

int show_library(const Arguments& arguments) {
  Sources texts;
  const auto library = check::load_library(texts);
  auto functions = check::documentation(*library);
  if (!arguments.operands.empty()) {
    const std::string& wanted = arguments.operands[0];
    std::vector<std::string> known;
    for (const auto& function : functions) known.insert(known.end(), {function.name, "std." + function.module});
    std::erase_if(functions, [&](const auto& function) {
      return function.name != wanted && function.module != wanted && "std." + function.module != wanted && function.module + "." + function.name != wanted;
    });
    if (functions.empty()) return unknown("function", wanted, known, "`bfl doc` lists them");
  }
  if (arguments.has("json")) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& f : functions) list.push_back({{"module", f.module}, {"name", f.name}, {"signature", f.signature}, {"doc", f.doc}, {"native", f.native}});
    report::say(stdout, "{}\n", list.dump(2));
    return exit_code::done;
  }
  const bool one = !arguments.operands.empty();
  std::string module;
  for (const auto& function : functions) {
    if (function.module != module) {
      report::say(stdout, "{}{}\n", module.empty() ? "" : "\n", paint(stdout, Paint::title, "std." + function.module));
      module = function.module;
    }
    const std::string doc = one ? function.doc : function.doc.substr(0, function.doc.find('\n'));
    std::string margin;
    for (char c : doc) margin += c == '\n' ? "\n      " : std::string(1, c);
    report::say(stdout, "  {}\n{}", function.signature, doc.empty() ? "" : fmt::format("      {}\n", margin));
  }
  return exit_code::done;
}

int show_version(const Arguments& arguments) {
  if (arguments.has("json")) report::say(stdout, "{{\"version\":\"{}\"}}\n", BFL_VERSION);
  else report::say(stdout, "bfl {}\n", BFL_VERSION);
  return exit_code::done;
}

}  // namespace bfl::cli
