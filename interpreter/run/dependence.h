// Which steps of a plan look at what steps before them change, and so on what their figures stand.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "interpreter/plan/plan.h"
#include "interpreter/run/decide.h"

namespace bfl::run {

class Dependence {
 public:
  // Steps that are finished change nothing. `targets` tell what constraints look at.
  Dependence(const program::Program& program, const plan::Plan& plan, const std::vector<Decision>& decisions, const std::vector<connect::Connector*>& targets);

  // Tables of the user's that a step of the plan changes and a later one looks at.
  const std::set<program::TableRef>& tables() const { return tables_; }
  bool looked_at(std::size_t step) const { return wanted_[step]; }  // a later step looks at what it changes
  bool looked_at(std::size_t step, program::TableRef table) const;
  bool looked_at_behind(std::size_t step, int source) const;  // steps behind it look at what is changed in the source

  // On what the figures of a step stand, by what was seen of the steps before it.
  struct Basis {
    std::string unknown{};            // what they wait for: "known once `x` has run"; empty: they can be told
    std::vector<std::size_t> before{};  // steps that will have changed what it looks at, and are counted as if they had not
    std::vector<std::size_t> on_top{};  // steps whose changes it is counted on top of
    bool looks_past = false;            // it sees the tables themselves whatever stands in for them
  };
  Basis basis(std::size_t step) const;
  // Of a step that was looked at. `unknown`: what those wait for that look at its changes. `applied`: its changes can be seen.
  struct Seen {
    std::string unknown{};
    bool changes = false, applied = false;
  };
  void saw(std::size_t step, const Basis& basis, Seen seen);
  void forget(int source);            // what was applied there is no longer seen

 private:
  bool meet(std::size_t writer, std::size_t step) const;

  struct State {
    Seen seen{};
    Basis basis{};
  };
  const program::Program& program_;
  const plan::Plan& plan_;
  std::vector<std::size_t> position_;  // of each step in the order of the plan
  std::map<program::TableRef, std::size_t> last_look_{};
  std::set<program::TableRef> tables_{};
  std::vector<bool> wanted_;
  std::vector<State> states_;
};

}  // namespace bfl::run
