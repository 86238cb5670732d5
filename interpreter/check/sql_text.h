// A text of SQL as far as bfl has to understand it: where the job's parameters stand in it, that it is one statement, what it
// calls. What it means is the database's business.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace bfl::check {

struct SqlText {
  std::vector<std::string> pieces;      // around the parameters
  std::vector<std::string> parameters;  // `:since` without its colon, in order, as often as they stand there
  std::vector<std::string> called;      // names before a `(`, in lower case, once each; `name()` where nothing stands between
                                        // the brackets; words for the time without brackets; the text 'now'
  std::string first;                    // the first word, in lower case
  std::string problem{}, help{};        // why it cannot be taken; empty when it can
};
SqlText read_sql(std::string_view text, bool postgres);

// Whether what is called gives something else each time, so that a run that goes on would see other rows than the one that began: a
// name as in `called`.
bool unstable(std::string_view name, bool postgres);

}  // namespace bfl::check
