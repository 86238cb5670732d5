// `bfl.toml`: what a project has decided for all of its jobs. Read once, before the job; pure, the files are found by cli/.
//
// Several files may hold for a job, that of its folder and those of the folders around it. They add up: a nearer one may ask for more
// than those around it, never for less.
//
// A section is a member of Project, a function in project.cpp that fills it, and a row in the table there. What is decided stands
// here as it was written, with its place: whether there is such a rule, such a key, is known to the stage that asks for it. A
// policy only tightens, or gives its reason.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/diagnostic.h"

namespace bfl::project {

inline constexpr const char* file_name = "bfl.toml";

// `[lint]`: how grave what a rule finds is.
struct RuleLevel {
  std::string rule;                    // code or name
  std::optional<Severity> severity{};  // nothing: off
  std::string reason{};
  Span span{};                         // of the rule
};

// `[approvers]`: whose signatures count.
struct Approver {
  std::string name;                    // of the key
  std::string key;                     // public, NAME+ID+…
  std::vector<std::string> users{};    // by which names a plan may say that they have made it, besides that of the key
  Span span{};
};

// A rule of the policy that some file gives, and where.
template <class T>
struct Rule {
  T value{};
  Span span{};
};

// `[policy]`: what every job has to fulfil, whatever it says itself.
struct Policy {
  std::optional<Rule<std::int64_t>> rows_without_approval{};  // more than these are changed only by an approved plan
  std::optional<Rule<std::int64_t>> approvals{};              // signatures that every job needs
  std::optional<Rule<bool>> not_author{};                     // whoever made the plan is never counted
  std::optional<Rule<std::vector<std::string>>> require{};    // of what a job says of itself: owner, ticket, why, runbook, expires
};

// `[environments.NAME]`: where the sources of the jobs lie there.
struct Place {
  std::string source, url, variable{};  // url, or the environment variable that holds it
  std::string folder{};                 // where its paths begin
  Span span{};                          // of the source
};
struct Environment {
  std::string name;
  std::vector<Place> places{};
  Span span{};
};

// `[outside]`: whom runs tell what they do. Each text is as the flag of `bfl run` takes it; `$NAME` stands for an environment
// variable, which whoever tells looks up.
struct Outside {
  struct Told {
    std::string text{};                // empty: not said
    Span span{};
    std::string folder{};              // where its paths begin
  };
  std::vector<Told> hooks{};
  Told metrics{}, metrics_port{}, lineage{};
  bool any() const { return !hooks.empty() || !metrics.text.empty() || !metrics_port.text.empty() || !lineage.text.empty(); }
};

struct Project {
  Sources texts;                       // the files, if there are any: what spans of this struct point to
  std::string root{};                  // the folder that the nearest one of the repository stands in; empty: there is none
  std::vector<RuleLevel> lint{};
  std::vector<Approver> approvers{};
  Policy policy{};
  std::vector<Environment> environments{};
  Outside outside{};

  const Environment* environment(std::string_view name) const;
};

// Reads a `bfl.toml` of `folder`, one of the `texts` of `into`, and adds it to what `into` holds of those around it; what is wrong with it
// goes to `diagnostics`.
void read(Project& into, std::uint32_t file, const std::string& folder, Diagnostics& diagnostics);

}  // namespace bfl::project
