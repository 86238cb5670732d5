// The command `bfl`: everything is in the table of commands.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "interpreter/cli/commands.h"

int main(int argc, char** argv) {
  // An exception that comes this far is a mistake of bfl's own, never of the script or the world.
  try {
    return bfl::cli::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "error: a bug in bfl: %s\nhelp: nothing was left half done; please report it with the script\n", problem.what());
    return 70;
  }
}
