// What SQLite's result codes mean to bfl: one table, complete for every primary code and for the extended ones that differ.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "interpreter/connect/error_row.h"

struct sqlite3;

namespace bfl::connect::sqlite {

std::span<const ErrorRow> error_rows();  // extended codes before their primary ones
ErrorClass class_of(int extended_code);

// The error that the connection has just reported. `sql` is the statement, for the detail; it holds no values.
Error last_error(sqlite3* db, std::string_view sql);
// For errors that come without a connection's message.
Error error_of(int extended_code, std::string_view sql);

// The statement as an error's detail shows it: very long ones lose their middle.
std::string statement_detail(std::string_view sql);

}  // namespace bfl::connect::sqlite
