// The command `bfl`: everything is in the table of commands.
#include <unistd.h>

#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "interpreter/cli/commands.h"
#include "interpreter/report/words.h"

namespace {

// What is said lies ready: there is no memory to make a diagnostic with, and any thread may come by here. To leave at once is
// as safe as a kill: what was committed stays, what was not is rolled back.
[[noreturn]] void out_of_memory() {
  constexpr std::string_view text =
      "error: the machine gives no more memory\n"
      "help: raise the limit, or end what takes it, and run again: the job goes on behind the last committed chunk\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
  _exit(bfl::cli::exit_code::world);
}

// Before what libraries make of memory ahead of main (the validators of CLI11): a throw from there would end in abort.
[[gnu::constructor(101)]] void expect_out_of_memory() { std::set_new_handler(out_of_memory); }

}  // namespace

int main(int argc, char** argv) {
  // An exception that comes this far is a mistake of bfl's own, never of the script or the world.
  try {
    return bfl::cli::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::system_error&) {  // a thread that cannot be started
    out_of_memory();
  } catch (const std::exception& problem) {
    bfl::report::say(stderr, "error: a bug in bfl: {}\nhelp: nothing was left half done; please report it with the script\n", problem.what());
    return bfl::cli::exit_code::bug;
  }
}
