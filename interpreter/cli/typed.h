// Words of a command line that somebody is to type.
#pragma once
#include <string>

namespace bfl::cli {

// In quotes where a shell would read it otherwise: `'my job.bfl'`.
std::string as_typed(const std::string& word);

}  // namespace bfl::cli
