#include "interpreter/project/add_up.h"

#include <fmt/format.h>

#include <algorithm>

namespace bfl::project {
namespace {

class AddingUp {
 public:
  explicit AddingUp(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void policy(Policy& whole, const Policy& nearer) {
    stricter(whole.rows_without_approval, nearer.rows_without_approval, "rows-without-approval", [](auto around, auto here) { return here > around; });
    stricter(whole.approvals, nearer.approvals, "approvals", [](auto around, auto here) { return here < around; });
    stricter(whole.not_author, nearer.not_author, "not-author", [](bool around, bool here) { return around && !here; });
    // What is required adds up: a nearer list names what is required besides. That of nothing can only be meant to take away.
    const auto required = whole.require;
    stricter(whole.require, nearer.require, "require", [](const auto& around, const auto& here) { return here.empty() && !around.empty(); });
    if (required && nearer.require)
      for (const std::string& what : required->value)
        if (auto& all = whole.require->value; std::find(all.begin(), all.end(), what) == all.end()) all.push_back(what);
  }

  // By key, so that nobody stands in for somebody else. The author of a plan is known by any of the names that some file gives.
  void approvers(std::vector<Approver>& whole, const std::vector<Approver>& nearer) {
    if (whole.empty()) whole = nearer;
    if (nearer.empty()) return;
    std::vector<Approver> of_both;
    for (const Approver& approver : nearer) {
      const auto around = std::find_if(whole.begin(), whole.end(), [&](const Approver& one) { return one.key == approver.key; });
      if (around == whole.end()) {
        loosened(approver.span, fmt::format("`{}` may not approve by a bfl.toml further out, which does not list this key", approver.name), whole.front().span, "who may approve is said here", "list the key there as well, or take it out here");
        continue;
      }
      of_both.push_back(*around);
      for (const std::string& user : approver.users)
        if (auto& users = of_both.back().users; std::find(users.begin(), users.end(), user) == users.end()) users.push_back(user);
    }
    whole = std::move(of_both);
  }

  // Hooks are all told; a file and a port there is one of, that of the nearest who says one.
  void outside(Outside& whole, const Outside& nearer) {
    whole.hooks.insert(whole.hooks.end(), nearer.hooks.begin(), nearer.hooks.end());
    for (auto member : {&Outside::metrics, &Outside::metrics_port, &Outside::lineage})
      if (!(nearer.*member).text.empty()) whole.*member = nearer.*member;
  }

  // Where a job has to have run before it is promoted is said once.
  void environments(std::vector<Environment>& whole, const std::vector<Environment>& nearer) {
    for (const Environment& environment : nearer) {
      const auto around = std::find_if(whole.begin(), whole.end(), [&](const Environment& one) { return one.name == environment.name; });
      if (around == whole.end()) {
        whole.push_back(environment);
        continue;
      }
      for (const Place& place : environment.places) {
        const auto said = std::find_if(around->places.begin(), around->places.end(), [&](const Place& one) { return one.source == place.source; });
        if (said == around->places.end()) around->places.push_back(place);
        else loosened(place.span, fmt::format("where `{}` of `{}` is was said already, by a bfl.toml further out", place.source, environment.name), said->span, "said here", "leave it out here, or give the environment another name");
      }
    }
  }

 private:
  void loosened(Span here, std::string message, Span around, std::string label, std::string help) {
    diagnostics_.error(Code::policy_loosened, here, std::move(message), std::move(help)).labels.push_back({around, std::move(label)});
  }

  template <class T, class Loosens>
  void stricter(std::optional<Rule<T>>& whole, const std::optional<Rule<T>>& nearer, std::string_view name, const Loosens& loosens) {
    if (!nearer) return;
    if (whole && loosens(whole->value, nearer->value))
      return loosened(nearer->span, fmt::format("`{}` asks for less than a bfl.toml further out", name), whole->span, "asked for here", "leave the line out, or ask for more: a nearer file only tightens");
    whole = nearer;
  }

  Diagnostics& diagnostics_;
};

}  // namespace

void add_up(Project& whole, const Project& nearer, Diagnostics& diagnostics) {
  AddingUp adding(diagnostics);
  whole.lint.insert(whole.lint.end(), nearer.lint.begin(), nearer.lint.end());
  adding.approvers(whole.approvers, nearer.approvers);
  adding.policy(whole.policy, nearer.policy);
  adding.environments(whole.environments, nearer.environments);
  adding.outside(whole.outside, nearer.outside);
}

}  // namespace bfl::project
