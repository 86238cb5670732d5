// How the rows of a table differ from what a test expects, for people.
#pragma once
#include <string>
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::run {

using ReadRows = std::vector<std::vector<Value>>;

// "orders id = 2: total is 10.00, expected 12.00". Rows are found by the first key that every expected row names, else those that
// are as one expects are, and the rest in order.
std::vector<std::string> differences(const Table& table, const program::TableRows& expected, const ReadRows& rows);

// "- id = 2, total = 10.00" and "+ id = 2, total = 12.00": rows that are only in the one or only in the other, wherever they lie.
std::vector<std::string> changes(const Table& table, const ReadRows& before, const ReadRows& now);

}  // namespace bfl::run
