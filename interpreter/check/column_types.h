// What a column's values are when the script says it: the stored form that goes with a declared type.
#pragma once
#include <string>

#include "interpreter/base/catalogue.h"

namespace bfl::check {

// Gives the column the type; nullability stays the catalogue's. The help line when that type cannot be read from what the
// column stores, or an empty text.
std::string declare_type(Column& column, const Type& type);

}  // namespace bfl::check
