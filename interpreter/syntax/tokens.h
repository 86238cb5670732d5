// The words and signs of a script with the comments between them: what a formatter must not lose.
//
// A text that parses is cut along its tree: numbers, dates and f-strings are single tokens because the tree says where they end.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "interpreter/base/source.h"
#include "interpreter/syntax/ast.h"

namespace bfl::syntax {

struct Between {                 // a comment, as it stands before a token
  std::string_view text;         // from `#`, without the blanks at its end
  std::uint32_t lines = 0;       // line ends between it and what stands before: 0 is a comment behind a token
};

struct Token {
  std::string_view text;
  std::uint32_t begin = 0;       // byte offset
  std::uint32_t lines = 0;       // line ends between it and the token or comment before
  std::uint32_t comment = 0, comments = 0;  // those before it, in Tokens::comments
};

struct Tokens {
  std::vector<Token> list;       // ends with an empty one that stands for the end of the text
  std::vector<Between> comments;

  std::uint32_t at(std::uint32_t offset) const;      // the first token that begins at or behind the offset
  std::uint32_t before(std::uint32_t offset) const;  // the last token that begins before it
};

// `file` is the tree of the text, parsed without errors.
Tokens tokens(const ast::File& file, const Sources& sources);

// Whether both are the same tokens with the same comments between them, whatever the white space.
bool same_tokens(const Tokens& a, const Tokens& b);

}  // namespace bfl::syntax
