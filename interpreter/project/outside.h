// `[outside]` of `bfl.toml`: whom runs tell what they do. Each text is as the flag of `bfl run` takes it; `$NAME` stands for an environment
// variable, which whoever tells looks up.
#pragma once
#include <string>
#include <vector>

#include "interpreter/project/project.h"

namespace bfl::project {

struct Outside {
  std::vector<std::string> hooks{};
  std::string metrics{}, metrics_port{}, lineage{};
};
// Of a project that was read without a mistake.
Outside outside_of(const Project& project);

}  // namespace bfl::project
