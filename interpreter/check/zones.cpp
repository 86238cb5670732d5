#include "interpreter/check/zones.h"

#include <map>

#include "interpreter/base/digest.h"
#include "interpreter/eval/time_zone.h"

namespace bfl::check {
namespace {

const std::string& rules_of(const std::string& name) {
  static std::map<std::string, std::string> known;
  const auto [found, fresh] = known.try_emplace(name);
  if (fresh) found->second = eval::zone_rules(name);
  return found->second;
}

}  // namespace

ZoneRules zone_rules(const std::set<std::string>& zones) {
  ZoneRules rules;
  if (zones.empty()) return rules;
  Hasher hasher;
  const bool every = zones.contains("");
  if (every) rules.names.emplace_back("every zone");
  else rules.names.assign(zones.begin(), zones.end());
  for (const std::string& name : every ? eval::zone_names() : rules.names) hasher.field(name).field(rules_of(name));
  rules.digest = hex(hasher.finish());
  return rules;
}

}  // namespace bfl::check
