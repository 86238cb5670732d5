// How a key of several columns is written on one line, and read again: its values with commas between, after which one blank may stand. As in
// CSV (RFC 4180, section 2) a value that holds a comma or a double quote, or has blanks at its ends, stands in double quotes, those in it
// doubled. A key of one column is written as it is.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bfl::ledger {

std::string key_part(std::string_view value);
// Nothing where a quote is not closed, or is followed by something else than a comma.
std::optional<std::vector<std::string>> key_parts(std::string_view typed);

}  // namespace bfl::ledger
