// A program of the system's that bfl asks for help: git for an old version, Graphviz for a drawing. Called by its words, no shell reads
// them; what it says of itself on standard error is shown as it comes.
#pragma once
#include <string>
#include <vector>

namespace bfl::cli {

struct Heard {
  int exit_code = 0;          // 127: there is no such program; 128: it was ended
  std::string text;           // its standard output
};
// `input` is its standard input. At most `most` bytes of output are read.
Heard listen_to(const std::vector<std::string>& words, const std::string& input = {}, std::size_t most = std::size_t{64} << 20);

}  // namespace bfl::cli
