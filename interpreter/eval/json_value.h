// Values of the language inside JSON documents, for object literals and the functions on JSON.
#pragma once
#include <string>

#include "interpreter/base/value.h"

namespace bfl::eval {

// Appends the value as JSON: numbers exactly, dates, timestamps and uuids as texts. False, and nothing said, for what JSON
// has no form for: bytes, durations, infinities, not-a-number.
bool append_json(std::string& out, const Value& value);

}  // namespace bfl::eval
