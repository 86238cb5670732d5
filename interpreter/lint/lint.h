// `bfl lint`: what is right by the language and likely not what was meant. A rule is a row in rules.def and a function.
//
// Rules that need the catalogue are left out where there is no checked program, and named as left out: they never pass in silence.
// A comment `# bfl:allow RULE reason` above an item, a statement or a clause, or behind it on its line, takes back what the rule
// finds there; without a reason, or where it takes back nothing, it is a finding itself.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/check/program.h"
#include "interpreter/syntax/ast.h"

namespace bfl::lint {

enum class Needs : std::uint8_t { script, catalogue };

struct Edit {                    // of the script
  Span span;
  std::string text;
};

struct Finding {
  Span span;
  std::string message;           // style of Diagnostic
  std::string help{};
  std::vector<Edit> fix{};       // leaves the meaning of every step as it is; empty: there is none
  const struct Rule* rule = nullptr;
  Severity severity{};           // the rule's own, or the project's
};

class Subject;
struct Findings {
  std::vector<Finding> list;
  Finding& add(Span span, std::string message, std::string help = {}) { return list.emplace_back(Finding{span, std::move(message), std::move(help)}); }
};

struct Rule {
  std::string_view code, name;
  Severity severity;
  Needs needs;
  std::string_view title, reason;
  std::string_view failing, passing;  // whole scripts, on the shop of examples/
  void (*look)(const Subject&, Findings&);
};

std::span<const Rule> rules();
const Rule* rule_named(std::string_view name_or_code);   // `L101`, `l101`, `unfiltered-delete`; null: none

// What a project makes of a rule.
struct Level {
  std::optional<Severity> severity{};    // nothing: off
  std::string reason{};
};
using Levels = std::map<const Rule*, Level>;   // of rules of which something is said

struct Report {
  std::vector<Finding> findings;         // by place
  std::vector<const Rule*> left_out;     // that needed the catalogue
  std::vector<std::pair<const Rule*, std::string>> off;  // by the project, and why
};

// `file` as parsed, before anything was expanded, without errors. `program` is absent when it was not checked.
Report lint(const ast::File& file, const Sources& sources, const program::Program* program, const Levels& levels = {});

// The script with the fixes of the findings; those that touch each other: the first only.
std::string fixed(std::string_view text, const std::vector<Finding>& findings);

}  // namespace bfl::lint
