// What PHP's serialize() writes and many tables hold where JSON was meant: `a:1:{s:5:"admin";b:1;}`.
#pragma once
#include <optional>
#include <string_view>

#include "interpreter/base/json.h"

namespace bfl::eval {

// As JSON: an array whose keys are 0, 1, 2, … becomes an array, any other an object, an object of a class an object of its
// properties under their bare names. Nothing for references, infinities, objects that serialise themselves, texts that are no
// UTF-8, and whatever is not serialised.
std::optional<JsonNode> read_php_serialized(std::string_view text);

}  // namespace bfl::eval
