// Arrays as PostgreSQL writes them: `{1,NULL,"a \"b\""}`, of one dimension (manual, section 8.15.6).
#pragma once
#include <string>
#include <string_view>

#include "interpreter/base/value.h"

namespace bfl::connect::postgres {

// False when the text is no such array of the element's type; `problem` says what is wrong.
bool decode_array(std::string_view text, const Type& element, Value& out, std::string& problem);
std::string encode_array(const Array& array);

}  // namespace bfl::connect::postgres
