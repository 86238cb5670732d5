// Whether two addresses lead to the same database, however they are spelled.
#pragma once
#include <string>

namespace bfl::cli {

// `postgres://app@DB.example.com/shop/` and `postgresql://db.example.com:5432/shop`: the user, the password and how a server is spoken to
// are no part of a place. Of files, and of anything else, the text is all.
bool same_place(const std::string& one, const std::string& other);

}  // namespace bfl::cli
