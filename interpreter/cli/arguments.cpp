#include "interpreter/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "interpreter/base/diagnostic.h"
#include "interpreter/cli/commands.h"

namespace bfl::cli {

const std::vector<std::string>& Arguments::all(std::string_view flag) const {
  static const std::vector<std::string> none;
  auto found = flags.find(flag);
  return found == flags.end() ? none : found->second;
}

std::string Arguments::value(std::string_view flag, std::string_view otherwise) const {
  const auto& given = all(flag);
  return given.empty() ? std::string(otherwise) : given.back();
}

namespace {

std::vector<Flag> flags_of(const Command& command) {
  std::vector<Flag> all;
  for (auto group : command.flags) all.insert(all.end(), group.begin(), group.end());
  return all;
}

bool among(std::string_view value, std::string_view choices) {
  while (!choices.empty()) {
    auto end = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

std::string spelled(const Flag& flag) { return "--" + std::string(flag.name); }

Misuse check_value(const Flag& flag, const std::string& value) {
  if (!flag.choices.empty() && !among(value, flag.choices))
    return {fmt::format("`{}` is not a value of `{}`, expected {}", value, spelled(flag), flag.choices), {}};
  if (flag.value.starts_with("NAME=")) {
    auto equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      return {fmt::format("`{}` has no `=`, expected {} behind `{}`", value, flag.value, spelled(flag)), {}};
  }
  if (flag.value == "N") {
    long long number = 0;
    auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc() || end != value.data() + value.size() || number < 1)
      return {fmt::format("`{}` is not a number above zero, expected one behind `{}`", value, spelled(flag)), {}};
  }
  return {};
}

Misuse unknown_flag(const Command& command, const std::string& word) {
  std::vector<std::string> known;
  for (const Flag& flag : flags_of(command)) known.push_back(spelled(flag));
  const std::string name = word.substr(0, word.find('='));
  const std::string meant = nearest(name, known);
  return {fmt::format("unknown flag `{}` of `bfl {}`", name, command.name),
          meant.empty() ? fmt::format("`bfl help {}` lists its flags", command.name) : fmt::format("did you mean `{}`?", meant)};
}

}  // namespace

Misuse parse_arguments(const Command& command, const std::vector<std::string>& words, Arguments& arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const std::vector<Flag> flags = flags_of(command);
  std::vector<std::vector<std::string>> given(flags.size());
  for (std::size_t i = 0; i < flags.size(); ++i) {
    std::string names = spelled(flags[i]);
    if (flags[i].letter) names += fmt::format(",-{}", flags[i].letter);
    if (flags[i].value.empty()) {
      app.add_flag_callback(names, [&given, i] { given[i].emplace_back(); });
    } else {
      app.add_option(names, given[i])->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
    }
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (const CLI::ArgumentMismatch&) {
    // The only mismatch that can be: a flag at the end with nothing behind it.
    for (const Flag& flag : flags)
      if (!words.empty() && (words.back() == spelled(flag) || (flag.letter && words.back() == std::string{'-', flag.letter})))
        return {fmt::format("nothing stands behind `{}`, expected {}", words.back(), flag.value), {}};
    return {fmt::format("a flag of `bfl {}` has no value", command.name), fmt::format("see `bfl help {}`", command.name)};
  } catch (const CLI::ParseError& problem) {
    return {fmt::format("`bfl {}`: {}", command.name, problem.what()), fmt::format("see `bfl help {}`", command.name)};
  }

  bool only_operands = false;
  for (const std::string& word : app.remaining()) {
    if (word == "--" && !only_operands) only_operands = true;
    else if (!only_operands && word.size() > 1 && word[0] == '-') return unknown_flag(command, word);
    else arguments.operands.push_back(word);
  }
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const Flag& flag = flags[i];
    if (given[i].empty()) continue;
    if (!flag.repeatable && given[i].size() > 1 && !flag.value.empty())
      return {fmt::format("`{}` is given {} times, expected once", spelled(flag), given[i].size()), {}};
    for (const std::string& value : given[i])
      if (Misuse misuse = check_value(flag, value); !misuse.message.empty()) return misuse;
    arguments.flags[std::string(flag.name)] = given[i];
  }
  if (arguments.has("help")) return {};
  const std::string usage = fmt::format("usage: bfl {} {}", command.name, command.operands);
  if (arguments.operands.size() < command.least) return {fmt::format("`bfl {}` needs {}", command.name, command.operands), usage};
  if (arguments.operands.size() > command.most)
    return {fmt::format("`{}` is one too many behind `bfl {}`", arguments.operands[command.most], command.name), usage};
  if (!command.operand_choices.empty() && !arguments.operands.empty() && !among(arguments.operands[0], command.operand_choices))
    return {fmt::format("`{}` is none of {}", arguments.operands[0], command.operand_choices), usage};
  return {};
}

}  // namespace bfl::cli
