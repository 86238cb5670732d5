// What was typed behind a command, taken apart by its row of the table. CLI11 stays behind this door.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bfl::cli {

struct Command;

struct Arguments {
  std::string command;
  std::vector<std::string> operands;
  std::map<std::string, std::vector<std::string>, std::less<>> flags;  // by name without dashes; a switch holds one empty text

  bool has(std::string_view flag) const { return flags.find(flag) != flags.end(); }
  const std::vector<std::string>& all(std::string_view flag) const;
  std::string value(std::string_view flag, std::string_view otherwise = {}) const;  // the last one given
};

// A mistake on the command line: what was found and what was expected, and one thing to do.
struct Misuse {
  std::string message;  // empty: none
  std::string help;
};

Misuse parse_arguments(const Command& command, const std::vector<std::string>& words, Arguments& arguments);

}  // namespace bfl::cli
