// A program of the user's as a process: started without a shell, in a process group of its own, with the environment that it
// was given and none else, no descriptor but its three; what it is asked goes to its standard input, what stands on its
// standard output when it ends well is the answer.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "interpreter/base/result.h"
#include "interpreter/check/program.h"

namespace bfl::run {

inline constexpr std::size_t longest_answer = std::size_t{64} << 20;  // bytes

// Looked at some ten times a second: true ends the process, and the call with an error of class interrupted.
using Hurry = std::function<bool()>;

struct Answer {
  std::string text;
  std::string told;                     // the end of what it wrote to standard error, for people; empty: nothing
};
// Every other way to end is an error of class fatal that says how it ended, with what it wrote to standard error (the end of
// it) below: an exit code other than 0, a signal, more time or bytes than it may take. Whatever it started is ended with it.
Result<Answer> ask(const program::OutsideProgram& program, std::string_view question, const Hurry& hurry);

// What a program wrote, for people: `?` for what is no text, or would steer a terminal.
std::string legible(std::string text);

}  // namespace bfl::run
