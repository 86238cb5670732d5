// `bfl key`: the keys that sign, and those that are trusted.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/keys.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

int shown(const std::vector<KnownKey>& keys, bool json) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string text;
  for (const KnownKey& known : keys) {
    list.push_back({{"name", known.key.name}, {"public", known.key.text()}, {"own", known.own}});
    text += fmt::format("{}  {}\n", known.own ? "own    " : "trusted", known.key.text());
  }
  report::put(stdout, json ? list.dump(2) + "\n" : text.empty() ? "no keys in " + key_folder() + "\n" : text);
  return exit_code::done;
}

}  // namespace

int keys(const Arguments& arguments) {
  const std::string& verb = arguments.operands[0];
  const bool json = arguments.has("json");
  if (verb == "list" ? arguments.operands.size() > 1 : arguments.operands.size() < 2)
    return failed({ErrorClass::data, verb == "list" ? "`bfl key list` takes no name" : fmt::format("`bfl key {}` needs a {}", verb, verb == "trust" ? "public key" : "name"), {}, {}});
  if (verb == "make" || verb == "trust") {
    auto key = verb == "make" ? make_key_files(arguments.operands[1]) : trust_key(arguments.operands[1]);
    return key ? shown({{*key, verb == "make"}}, json) : failed(Code::key_unusable, key.error());
  }
  auto known = known_keys();
  if (!known) return failed(Code::key_unusable, known.error());
  if (verb == "list") return shown(*known, json);
  for (const KnownKey& one : *known)
    if (one.key.name == arguments.operands[1]) return report::put(stdout, one.key.text() + "\n"), exit_code::done;
  return failed(Code::key_unusable, {ErrorClass::refused, fmt::format("there is no key `{}`", arguments.operands[1]), "keys are kept in " + key_folder(), "`bfl key list` shows those that there are"});
}

}  // namespace bfl::cli
