// Columns that the database makes of others by itself: computed ones and those of views. What is made of a sensitive value is sensitive,
// whoever makes it.
#pragma once
#include "interpreter/connect/connector.h"

namespace bfl::connect {

// Where columns are marked `sensitive`, those as well that are made of them; asks the database of what it has only then. Which columns a
// view or a computed column reads is known on PostgreSQL. On SQLite a computed one may read any column of its row, and a view any of the
// tables that it opens.
Result<void> mark_derived(Connector& connector, Catalogue& catalogue);

}  // namespace bfl::connect
