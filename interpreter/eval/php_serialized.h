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

// Arrays and objects as PHP's arrays. Keys that say a whole number as PHP writes it are numbers, as in PHP. Numbers with a point
// or an exponent, and whole ones beyond 64 bits, are floats.
std::string write_php_serialized(const JsonNode& node);

}  // namespace bfl::eval
