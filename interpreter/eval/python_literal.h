// The literals that Python's repr() writes and that many tables hold where JSON was meant: `{'a': (1, None)}`.
#pragma once
#include <optional>
#include <string_view>

#include "interpreter/base/json.h"

namespace bfl::eval {

// As JSON: tuples become arrays, whole numbers as keys become texts. Nothing for whatever JSON cannot say (sets, bytes,
// objects, infinities) and for what is no literal.
std::optional<JsonNode> read_python_literal(std::string_view text);

}  // namespace bfl::eval
