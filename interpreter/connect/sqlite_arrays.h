// Arrays as JSON texts: how SQLite keeps them in a column (`json_text`: as a person would write them) and how they pass
// through SQL (`native`: each element as json_each has to give it, so that its value is the plain form of its type; `json_canonical`:
// the same, with documents such that equal lists are one text).
#pragma once
#include <string>
#include <string_view>

#include "interpreter/lower/sql.h"

namespace bfl::connect::sqlite {

// False: `problem` says what was found and what the type expects. Both forms are read.
bool decode_array(std::string_view text, const lower::Wire& wire, Value& out, std::string& problem);
bool encode_array(const Array& array, const lower::Wire& wire, std::string& out, std::string& problem);

}  // namespace bfl::connect::sqlite
