// Rows whose values cannot be computed, set aside while a set is sealed.
//
// All values of a sealed set are computed at once, and one that fails ends the reading. Where a step looks at nothing but the row itself, and its
// rows were brought to a database that computes, they can be computed in parts: stretch by stretch, halved where it fails, until the row is
// alone. It is planned with its error in place of its values, and goes into quarantine when its turn comes: in a chunk like any other, so once.
#pragma once
#include <string>

#include "interpreter/run/intended.h"

namespace bfl::run {

// Begins what is planned in place of values; the error stands behind it.
inline constexpr std::string_view cannot_be_computed = "cannot be computed: ";

bool may_seal_around(const Intention& intention, const lower::Hands& hands, bool later, const Workbench& bench);

// As collect(), which has failed. Gives how many rows are set aside; the error of a row that would be one more than `most`.
Result<std::int64_t> collect_around(const Intention& intention, const lower::Intents& intents, const lower::Hands& hands, Workbench& bench, std::int64_t most, Spool& into);

}  // namespace bfl::run
