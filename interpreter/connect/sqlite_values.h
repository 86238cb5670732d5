// Values between SQLite's storage classes and bfl, by the wire: the one place that knows how a bfl value lies in SQLite.
//
// Decoding is strict: a storage class or text that does not fit the column's type is a problem, named, never a guess. Both
// directions are written for the inner loop: integers cost no allocation, and what is reused keeps its memory.
#pragma once
#include <string>

#include "interpreter/base/value.h"
#include "interpreter/connect/connector.h"
#include "interpreter/lower/sql.h"

struct sqlite3_value;
struct sqlite3_stmt;
struct sqlite3_context;

namespace bfl::connect::sqlite {

RawValue raw_of(sqlite3_value* value);
RawValue raw_of_column(sqlite3_stmt* statement, int column);

// False: `problem` says what was found and what the type expects.
bool decode_into(const RawValue& raw, const lower::Wire& wire, Value& out, std::string& problem);
// `arena` is overwritten; text and bytes of the result point into it or into `value`.
bool encode_into(const Value& value, const lower::Wire& wire, std::string& arena, RawValue& out, std::string& problem);

int bind(sqlite3_stmt* statement, int index, const RawValue& raw, bool copy);  // a result code
void set_result(sqlite3_context* context, const RawValue& raw);

}  // namespace bfl::connect::sqlite
