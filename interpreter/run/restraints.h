// What of a table may refuse rows of a step, as the database's catalogue tells.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/connect/connector.h"

namespace bfl::run {

// A foreign key that a row may break.
struct Reference {
  ForeignKey key;
  bool refers = false;    // by it the row refers to another; else others refer to the row
  std::string name{};     // PostgreSQL's
};

struct Restraints {
  bool own = false;       // by what the row itself holds: checks, lengths, domains
  bool others = false;    // by what other rows of the table hold: unique keys and indexes, exclusion
  std::vector<Reference> references{};
  std::set<std::string> asks{};        // columns of the table at which those look that the step may break; empty name: which rows there are
  std::vector<std::string> untried{};  // what cannot be asked, and why

  bool any() const { return own || others || !references.empty(); }
};

Result<Restraints> restraints_of(connect::Connector& source, const program::Program& program, const program::Step& step);

}  // namespace bfl::run
