// Values between PostgreSQL's binary protocol and bfl: the one place that knows how a value crosses.
//
// Raw values: integers, booleans (0 and 1), dates (days since 1970) and timestamps (microseconds since 1970, UTC; the
// infinities are the two ends of 64 bits) as integers; floats as reals; bytea as blobs; numerics as their digits with their
// scale, uuids, json and all else as text. Nothing is lost: what is read goes back as it was.
#pragma once
#include <libpq-fe.h>

#include <string>
#include <vector>

#include "interpreter/base/value.h"
#include "interpreter/connect/connector.h"
#include "interpreter/connect/postgres_library.h"
#include "interpreter/lower/sql.h"

namespace bfl::connect::postgres {

// One parameter as it is sent. `bytes` is ended by a zero, as text parameters must be.
struct Parameter {
  Oid type = 0;
  bool null = true, binary = false;
  std::string bytes{};
};
// Without a wire the class of the value tells the type: bigint, double precision, text, bytea.
void put(Parameter& to, const RawValue& raw, const lower::Wire* wire);

// A value of a result in binary form; what has to be made as text goes to `arena`, which must have room for made_text() bytes
// and is moved on. False: a type that the statement should have cast to text.
bool raw_of(Oid type, const char* data, std::size_t size, RawValue& out, char*& arena);
std::size_t made_text(Oid type, const char* data, std::size_t size);

// A column of a result, without nulls, as one parameter: an array of the column's type.
Parameter array_of(const Library& library, const PGresult* rows, int column);
// The values of one place in many sets as one parameter: an array of what lower's `together` statements take for the kind. False:
// one of them has another form than its kind's.
bool array_of(std::span<const Prepared::Parameters> sets, std::size_t place, Kind kind, Parameter& to);

// False: `problem` says what was found and what the type expects.
bool decode_into(const RawValue& raw, const lower::Wire& wire, Value& out, std::string& problem);
bool encode_into(const Value& value, const lower::Wire& wire, std::string& arena, RawValue& out, std::string& problem);

}  // namespace bfl::connect::postgres
