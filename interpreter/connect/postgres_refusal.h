// Why a server lets nobody in.
#pragma once
#include <string>

#include "interpreter/connect/postgres_library.h"

namespace bfl::connect::postgres {

struct Refusal {
  std::string sqlstate{};    // empty: no such answer within some seconds
  bool over = false;         // this time somebody was let in
};
// Asks once more, with the same parameters as PQconnectdbParams, for the SQLSTATE alone: of a connection that failed libpq tells no more
// than a text in the language of the server.
Refusal refusal_of(const Library& library, const char* const* names, const char* const* values);

}  // namespace bfl::connect::postgres
