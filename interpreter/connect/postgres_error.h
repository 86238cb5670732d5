// What PostgreSQL's SQLSTATEs mean to bfl: one table, by class and by the codes that differ from their class.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "interpreter/connect/error_row.h"

namespace bfl::connect::postgres {

std::span<const ErrorRow> error_rows();  // codes before their classes

// Of a statement that the server refused. An empty state is a connection that broke.
ErrorClass class_of(std::string_view sqlstate);
std::string_view help_with(std::string_view sqlstate);  // one thing to do; empty: nobody knows
// Whether an error in answer to COMMIT leaves open if it was carried out.
bool leaves_commit_open(std::string_view sqlstate, std::string_view severity);

// "ERROR:  duplicate key value …\n" as bfl says it: lower case, no final stop.
std::string worded(std::string_view message);

}  // namespace bfl::connect::postgres
