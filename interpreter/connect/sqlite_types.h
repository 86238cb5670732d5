// bfl types from SQLite's declared types: the declaration first, then, where it leaves the stored form open, one stored value.
#pragma once
#include <string_view>

#include "interpreter/base/catalogue.h"
#include "interpreter/connect/connector.h"

namespace bfl::connect::sqlite {

// Fills kind, storage and scale from `column.declared`; nullability is left alone.
void type_by_declaration(Column& column);

// Whether a stored value is needed to settle the form: dates, timestamps, uuids.
bool needs_sample(const Column& column);
// `sample`: a stored value that is not null. What contradicts the declaration makes the column `unknown`: the source's
// `column` clause must then say what it is.
void type_by_sample(Column& column, const RawValue& sample);

}  // namespace bfl::connect::sqlite
