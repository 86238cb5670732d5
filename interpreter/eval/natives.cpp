#include "interpreter/eval/natives.h"

#include <algorithm>
#include <array>

#include "interpreter/eval/native_rows.h"

namespace bfl::eval {

namespace {

const std::vector<NativeRow>& table() {  // sorted by signature
  static const std::vector<NativeRow> rows = [] {
    std::vector<NativeRow> all;
    for (const auto part : {operator_rows(), conversion_rows(), comparison_rows(), text_rows(), unicode_rows(), encoding_rows(), markup_rows(),
                            pattern_rows(), time_rows(), zone_rows(), json_rows(), math_rows(), array_rows()})
      all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end(), [](const NativeRow& a, const NativeRow& b) { return a.signature < b.signature; });
    return all;
  }();
  return rows;
}

}  // namespace

NativeFunction find_native(std::string_view signature) {
  const auto found = std::lower_bound(table().begin(), table().end(), signature,
                                      [](const NativeRow& row, std::string_view key) { return row.signature < key; });
  return found != table().end() && found->signature == signature ? found->function : nullptr;
}

std::vector<std::string_view> native_signatures() {
  std::vector<std::string_view> all;
  for (const NativeRow& row : table()) all.push_back(row.signature);
  return all;
}

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 60;
  if (text.size() <= longest) return to_literal(std::string(text));
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  return to_literal(std::string(text.substr(0, end)) + "…");
}

}  // namespace bfl::eval
