#include "interpreter/report/line_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace bfl::report {

namespace {

constexpr std::size_t around = 3;                 // lines of context
constexpr std::size_t most_cells = 25'000'000;    // of the table of common lines

struct Line {
  char mark;                // ' ', '-', '+'
  std::string_view text;
  std::size_t before, after;  // how many lines of either text stand before it
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The longest common subsequence, from the end: length[i][j] of what stands behind i and j.
std::vector<Line> compared(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  std::size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const std::size_t n = a.size() - head - tail, m = b.size() - head - tail;
  std::vector<Line> result;
  for (std::size_t i = 0; i < head; ++i) result.push_back({' ', a[i], i, i});
  std::vector<std::uint32_t> length;
  const std::size_t width = m + 1;
  if (n * m <= most_cells) {
    length.resize((n + 1) * width);
    for (std::size_t i = n; i-- > 0;)
      for (std::size_t j = m; j-- > 0;)
        length[i * width + j] = a[head + i] == b[head + j] ? length[(i + 1) * width + j + 1] + 1
                                                           : std::max(length[(i + 1) * width + j], length[i * width + j + 1]);
  }
  std::size_t i = 0, j = 0;
  while (i < n || j < m) {
    if (!length.empty() && i < n && j < m && a[head + i] == b[head + j]) {
      result.push_back({' ', a[head + i], head + i, head + j});
      ++i, ++j;
    } else if (i < n && (j == m || length.empty() || length[(i + 1) * width + j] >= length[i * width + j + 1])) {
      result.push_back({'-', a[head + i], head + i, head + j});
      ++i;
    } else {
      result.push_back({'+', b[head + j], head + i, head + j});
      ++j;
    }
  }
  for (std::size_t k = 0; k < tail; ++k) result.push_back({' ', a[head + n + k], head + n + k, head + m + k});
  return result;
}

}  // namespace

std::string line_diff(std::string_view old_text, std::string_view new_text, std::string_view old_name, std::string_view new_name) {
  if (old_text == new_text) return {};
  const std::vector<Line> lines = compared(lines_of(old_text), lines_of(new_text));
  std::string out = fmt::format("--- {}\n+++ {}\n", old_name, new_name);
  std::size_t at = 0;
  while (true) {
    while (at < lines.size() && lines[at].mark == ' ') ++at;
    if (at == lines.size()) break;
    const std::size_t first = at < around ? 0 : at - around;
    std::size_t last = at, same = 0;  // one past the last line of the hunk
    for (; last < lines.size() && same <= 2 * around; ++last) same = lines[last].mark == ' ' ? same + 1 : 0;
    if (same > around) last -= same - around;
    std::size_t removed = 0, added = 0;
    for (std::size_t i = first; i < last; ++i) removed += lines[i].mark != '+', added += lines[i].mark != '-';
    out += fmt::format("@@ -{},{} +{},{} @@\n", lines[first].before + (removed != 0), removed, lines[first].after + (added != 0), added);
    for (std::size_t i = first; i < last; ++i) out += fmt::format("{}{}\n", lines[i].mark, lines[i].text);
    at = last;
  }
  return out;
}

}  // namespace bfl::report
