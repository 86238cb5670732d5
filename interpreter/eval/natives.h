// The native functions: what the library declares with `native fn` and the operators of the language.
//
// A row of the table is a signature and a function over values. Arguments are never null unless the declared parameter
// is nullable (`text?`): null in gives null out without a call. A function is pure: the same arguments give the same
// value or the same failure, on every machine. Adding one: a declaration in stdlib/*.bfl and a row here.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "interpreter/base/value.h"

namespace bfl::eval {

// The value cannot be computed: overflow, division by zero, a text that is no number. Names no row: the caller knows it.
struct Failure {
  std::string message;
};
using Outcome = std::variant<Value, Failure>;

using NativeFunction = Outcome (*)(std::span<const Value> args);

// The implementation for a signature such as `lower(text)` or `+(int,decimal)`; null if there is none.
NativeFunction find_native(std::string_view signature);

// Every signature in the table, for the test that declarations and implementations match.
std::vector<std::string_view> native_signatures();

}  // namespace bfl::eval
