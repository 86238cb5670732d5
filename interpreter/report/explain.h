// What each diagnostic code means, for `bfl explain`: why bfl refuses, an example, and the example mended.
//
// Examples that are scripts are run by the tests: the failing one must give its code, the mended one must not. Where the
// example needs a job and a source around it, `whole_script` puts the shop of examples/ there.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "interpreter/base/diagnostic.h"

namespace bfl::report {

struct Explanation {
  Code code{};
  std::string_view why;
  std::string_view failing;  // a script, a session at a prompt, or advice in words
  std::string_view mended;
};

const Explanation* explanation(Code code);
std::optional<Code> code_named(std::string_view text);  // `BFL0202`, `bfl0202` or `unknown_name`
std::string whole_script(std::string_view example);     // empty when the example is none
std::string explain(const Explanation& explanation);
std::string explanation_json(const Explanation& explanation);
std::string list_of_codes();

}  // namespace bfl::report
