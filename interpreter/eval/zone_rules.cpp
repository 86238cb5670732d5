#include <algorithm>

#include "interpreter/base/digest.h"
#include "interpreter/eval/time_zone.h"

namespace bfl::eval {

std::string zone_rules(const std::string& name) {
  constexpr std::int64_t from = -2'208'988'800, to = 4'102'444'800;
  Zone* const zone = find_zone(name);
  if (zone == nullptr) return {};
  std::string text;
  std::int64_t offset = 0;
  for (std::int64_t at = from; at < to;) {
    const ZoneSpan span = span_at(*zone, at);
    if (text.empty() || span.offset != offset) text += std::to_string(std::max(span.begin, from)) + ' ' + std::to_string(span.offset) + ';';
    offset = span.offset;
    if (span.end <= at) break;
    at = span.end;
  }
  return hex(sha256(text));
}

}  // namespace bfl::eval
