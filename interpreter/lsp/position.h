// Places as editors count them (lines from 0, columns in UTF-16 units) and as spans do (bytes).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "interpreter/base/span.h"

namespace bfl::lsp {

struct Place {
  std::size_t line = 0, character = 0;
};

class Lines {
 public:
  explicit Lines(std::string_view text);  // the text must live as long
  std::uint32_t offset(Place place) const;  // beyond the end of a line or the text: that end
  Place place(std::uint32_t offset) const;  // within a character: its beginning

 private:
  std::string_view line(std::size_t number) const;
  std::string_view text_;
  std::vector<std::uint32_t> starts_;
};

}  // namespace bfl::lsp
