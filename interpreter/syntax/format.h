// The canonical layout of a script: `bfl fmt`, and what editors ask for.
//
// Only white space changes: the tokens and the comments between them stay what they are and where they are, so that neither the
// meaning nor a remark can be lost. What stands here is decided once for everybody; there are no options.
//
// - A line has up to 100 characters, a step of indentation two blanks; an empty line of the author stays, several become one.
// - Clauses stand on one line, or each on its own. Then the brace of the body has its own line, too.
// - What stands in brackets is on one line, or broken at each element; lists of plain values are filled.
// - Where the author began a new line before a clause or behind a bracket, it stays; all else is broken only where it does not fit.
// - Values of a `job` and of `derive`, `keep` and `group` that have lines of their own stand below each other.
#pragma once
#include <string>
#include <string_view>

#include "interpreter/base/result.h"
#include "interpreter/base/source.h"
#include "interpreter/syntax/ast.h"

namespace bfl::syntax {

// `file` was parsed without errors. The error is a bug in bfl: the new text would not have been the same tokens.
Result<std::string> format(const ast::File& file, const Sources& sources);

// Of a text that was not parsed before; refused where it has mistakes.
Result<std::string> format(std::string_view text);

}  // namespace bfl::syntax
