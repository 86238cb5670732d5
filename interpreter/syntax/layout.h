// Where lines end: tokens with gaps between them, and groups of gaps that break together or not at all.
//
// A gap of a group is a line end where the group is broken, else its flat form. A group is broken when something in it must be
// (a comment, a gap that is always a line end), and when it does not fit on its line. Outer groups are decided before inner ones.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/syntax/tokens.h"

namespace bfl::syntax {

inline constexpr std::uint32_t line_width = 100, indent_width = 2;
inline constexpr std::uint32_t no_group = 0xffffffff;

struct Gap {                          // before a token
  bool space = false;                 // the flat form: a blank, or nothing
  bool always = false;                // a line end in any case
  bool blank = false;                 // one empty line is kept
  std::uint32_t group = no_group;     // whose line end this may be
  std::uint32_t nest = 0;             // indentation of the token, in steps, when a line begins with it
  std::uint32_t comment_nest = 0;     // and of comments before it that have lines of their own
  std::uint32_t pad = 0;              // further blanks where `pad_group` is broken: values stand below each other
  std::uint32_t pad_group = no_group;
};

struct Group {
  std::uint32_t first = 0, last = 0;  // tokens; its gaps stand between them
  bool fill = false;                  // each gap breaks for itself, when what follows does not fit
  bool broken = false;
};

struct Layout {
  std::vector<Gap> gaps;              // one a token
  std::vector<Group> groups;          // by first token, outer ones first
  std::vector<bool> forced;           // gaps that are written as line ends because the author did
};

std::string print(const Tokens& tokens, Layout& layout);

}  // namespace bfl::syntax
