#include "interpreter/lsp/position.h"

#include <algorithm>

namespace bfl::lsp {
namespace {

std::size_t bytes_of(unsigned char first) { return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }
std::size_t units_of(unsigned char first) { return first < 0xf0 ? 1 : 2; }

}  // namespace

Lines::Lines(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(static_cast<std::uint32_t>(i + 1));
}

std::string_view Lines::line(std::size_t number) const {
  const std::size_t begin = starts_[number], end = number + 1 < starts_.size() ? starts_[number + 1] - 1 : text_.size();
  return text_.substr(begin, end - begin);
}

std::uint32_t Lines::offset(Place place) const {
  if (place.line >= starts_.size()) return static_cast<std::uint32_t>(text_.size());
  const std::string_view of = line(place.line);
  std::size_t at = 0, units = 0;
  while (at < of.size() && units < place.character) {
    const auto first = static_cast<unsigned char>(of[at]);
    units += units_of(first);
    if (units > place.character) break;
    at += bytes_of(first);
  }
  return starts_[place.line] + static_cast<std::uint32_t>(std::min(at, of.size()));
}

Place Lines::place(std::uint32_t offset) const {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto number = static_cast<std::size_t>(next - starts_.begin()) - 1;
  const std::string_view of = line(number);
  const std::size_t within = std::min<std::size_t>(offset - starts_[number], of.size());
  std::size_t at = 0, units = 0;
  while (at < within) {
    const auto first = static_cast<unsigned char>(of[at]);
    if (at + bytes_of(first) > within) break;
    units += units_of(first);
    at += bytes_of(first);
  }
  return {number, units};
}

}  // namespace bfl::lsp
