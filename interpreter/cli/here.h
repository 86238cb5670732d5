// Who types, and where.
#pragma once
#include <string>

namespace bfl::cli {

std::string user_name();
std::string host_name();

}  // namespace bfl::cli
