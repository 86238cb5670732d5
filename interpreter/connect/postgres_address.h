// An address of PostgreSQL as libpq reads it. Nothing is connected.
#pragma once
#include <map>
#include <string>

#include "interpreter/base/result.h"

namespace bfl::connect::postgres {

// What it says, by libpq's keywords: `postgres://…`, or `postgres:` and keywords. What it leaves open is not there.
Result<std::map<std::string, std::string>> words_of(const std::string& url);

// Where it leads: servers with their ports, and the database, the same text for the same place. What the address leaves open comes from its
// service, the variables of the environment and libpq's own defaults; who connects, and how a server is spoken to, is no part of it. Servers
// are compared as they are called, in their order, and names are looked up nowhere.
Result<std::string> place_of(const std::string& url);

}  // namespace bfl::connect::postgres
