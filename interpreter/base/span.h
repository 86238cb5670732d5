// Where something stands in the text of a script.
//
// A span is a half-open range of byte offsets into one source file. It is eight bytes of offsets and the number of the
// file, so that every node of every stage can carry one; line and column are computed only when something is shown.
#pragma once
#include <cstdint>

namespace bfl {

struct Span {
  std::uint32_t begin = 0;  // byte offset of the first byte
  std::uint32_t end = 0;    // byte offset one past the last byte
  std::uint32_t file = 0;   // index into Sources

  friend bool operator==(const Span&, const Span&) = default;
};

// The smallest span that covers both; both are of one file.
inline Span join(Span a, Span b) {
  return {a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end, a.file};
}

}  // namespace bfl
