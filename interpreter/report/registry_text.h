// What `bfl registry` tells of a target: jobs, their versions, who ran them and what came of it. For people and as JSON.
#pragma once
#include <string>
#include <vector>

#include "interpreter/ledger/registry.h"

namespace bfl::report {

struct Registered {
  std::string source, identity;              // identity: empty where there is no ledger yet
  std::vector<ledger::RegisteredJob> jobs;
};

std::string registry_text(const std::vector<Registered>& all);
std::string registry_json(const std::vector<Registered>& all);  // one document

}  // namespace bfl::report
