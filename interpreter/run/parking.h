// What a row may hold while rows exchange their values under a unique key: a value near those in use, since that is what checks
// and lengths of the column let pass.
#pragma once
#include <cstdint>
#include <optional>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/value.h"

namespace bfl::run {

// Whether the type has values that can be made up. Of two truths, labels of an enum and documents there are none.
bool can_park(const Column& column);
// The nth candidate, from 1 on; `largest`: of the values in use. Nothing: the column cannot hold it.
std::optional<Value> parking_value(const Column& column, const Value& largest, std::int64_t n);

}  // namespace bfl::run
