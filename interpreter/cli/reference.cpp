// `bfl explain`, `bfl doc`, `bfl version`: what is known without a job.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/check/check.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/terminal.h"
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

}  // namespace

int explain_code(const Arguments& arguments) {
  if (arguments.operands.empty()) return report::say(stdout, "{}", report::list_of_codes()), exit_code::done;
  const std::string& name = arguments.operands[0];
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
