// Time zones by their IANA names, by the rules of the time zone data (tzdata) of this machine.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bfl::eval {

// A stretch of time in which the clock of a zone runs evenly. All in seconds, instants since 1970-01-01T00:00:00Z.
struct ZoneSpan {
  std::int64_t begin = 0, end = 0;  // end not included
  std::int64_t offset = 0;          // what the clock is ahead of UTC
};

class Zone;

// Null when there is no zone of that name. It lives as long as the thread, which finds it without a search when it asked last
// for the same.
Zone* find_zone(std::string_view name);
ZoneSpan span_at(Zone& zone, std::int64_t instant);

// The digest of its rules from 1900 to 2100, whatever form the data have; of no zone an empty text.
std::string zone_rules(const std::string& name);

// All names in order; none when the machine has no time zone data.
const std::vector<std::string>& zone_names();

}  // namespace bfl::eval
