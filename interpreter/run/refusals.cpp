#include "interpreter/run/refusals.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace bfl::run {

std::int64_t Refusals::rows() const {
  return std::accumulate(reasons.begin(), reasons.end(), std::int64_t{0}, [](std::int64_t sum, const Reason& reason) { return sum + reason.rows; });
}

void Refusals::add(const Error& error, std::int64_t rows) {
  if (!first) first = error;
  constexpr std::string_view head = "the database refused: ";
  std::string text = error.message.starts_with(head) ? error.message.substr(head.size()) : error.message;
  auto known = std::find_if(reasons.begin(), reasons.end(), [&](const Reason& reason) { return reason.text == text; });
  // Words that hold values of the row are as many as the rows.
  if (known == reasons.end() && reasons.size() == most_reasons) known = reasons.end() - 1, known->text = "other reasons";
  if (known == reasons.end()) known = reasons.insert(reasons.end(), Reason{std::move(text)});
  known->rows += rows;
  if (!error.row.empty() && known->keys.size() < most_keys) known->keys.push_back(error.row);
}

}  // namespace bfl::run
