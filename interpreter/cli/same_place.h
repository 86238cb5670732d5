// Whether two addresses lead to the same database, however they are spelled.
#pragma once
#include <string>

namespace bfl::cli {

// `postgres://app@DB.example.com/shop` and `postgres:host=db.example.com port=5432 dbname=shop`: of a server what libpq makes of both
// (connect/postgres_address.h). Of files, and of anything else, the text is all.
bool same_place(const std::string& one, const std::string& other);

}  // namespace bfl::cli
