// What a column's values are when the script says it: the stored form that goes with a declared type.
#pragma once
#include <optional>
#include <string>

#include "interpreter/base/catalogue.h"

namespace bfl::check {

// Gives the column the type; nullability stays the catalogue's. The help line when that type cannot be read from what the
// column stores, or an empty text.
std::string declare_type(Column& column, const Type& type);
// The same for a field of a CSV file: nothing is known of it but what the script says.
std::string declare_in_postgres(Column& column, const Type& type);
std::string declare_field(Column& column, const Type& type);
// A column of PostgreSQL that holds any value of the column's type exactly; nothing when there is none.
std::optional<Column> kept_in_postgres(Column column);

}  // namespace bfl::check
