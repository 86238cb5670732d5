// Text to syntax tree. The only production code that knows PEGTL is parse.cpp.
#pragma once
#include <cstddef>
#include <optional>

#include "interpreter/base/diagnostic.h"
#include "interpreter/base/source.h"
#include "interpreter/syntax/ast.h"

namespace bfl::syntax {

inline constexpr std::size_t max_file_bytes = 16u << 20;  // a job of 100,000 steps fits
inline constexpr int max_nesting = 128;                   // of parentheses, blocks, calls and unary operators together

// Parses one file of `sources`. After a mistake the parser skips to the next item and goes on, so that several mistakes
// are reported in one go. The tree is always usable (it may hold `error` nodes); it may be checked further only when
// `diagnostics` holds no errors. Bytes that are no UTF-8, control and bidirectional characters, and files over the limit
// are reported before anything is parsed.
ast::File parse(const Sources& sources, std::uint32_t source, Diagnostics& diagnostics);

// The content of a string node (escapes resolved, margin of """…""" removed), or nothing with a diagnostic.
std::optional<std::string> string_content(const ast::File& file, ast::NodeId string, Diagnostics& diagnostics);

}  // namespace bfl::syntax
