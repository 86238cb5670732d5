// What a step's values hang on beside its text and its rows: the rules of the time zones that it names.
#pragma once
#include <set>
#include <string>
#include <vector>

namespace bfl::check {

struct ZoneRules {
  std::vector<std::string> names{};  // of the zones, in order; `every zone` when a name is computed; none: the step asks for no zone
  std::string digest{};              // of their rules as this machine has them
};
ZoneRules zone_rules(const std::set<std::string>& zones);  // see program::Meaning

}  // namespace bfl::check
