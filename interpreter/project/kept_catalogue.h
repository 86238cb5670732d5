// The catalogue of a source as a file in the repository, so that a job can be checked, linted and edited without its database.
//
// JSON, one column, key or reference a line, in an order of its own: a change of the schema is a diff of as many lines. It holds
// what the catalogue says of tables, nothing of where the database is, and no rights, which differ from user to user; of triggers
// what they react to, not what they do. Numbers of rows are rounded, so that a new pull shows changes of the schema alone.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"

namespace bfl::project {

std::string write_catalogue(const Catalogue& catalogue);
// An error of class data where the text is none.
Result<Catalogue> read_catalogue(std::string_view text);

// What is otherwise in `now`, a line each: `orders.note is text, kept as int?`. Rows say nothing here: neither their number nor
// what was told from them (forms of dates).
std::vector<std::string> differences(const Catalogue& kept, const Catalogue& now);

}  // namespace bfl::project
