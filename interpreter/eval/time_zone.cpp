#include "interpreter/eval/time_zone.h"

#include <date/ptz.h>
#include <date/tz.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

namespace bfl::eval {

namespace {

constexpr std::int64_t end_of_calendar = 253'402'300'800;  // 10000-01-01T00:00:00Z

ZoneSpan span_of(const date::sys_info& info) {
  return {info.begin.time_since_epoch().count(), info.end.time_since_epoch().count(), info.offset.count()};
}

// The last line of a file of time zone data says what holds after the last change that the file lists. The library stops at
// that change, in 2037 or, in data packed more tightly, many years before today.
std::optional<Posix::time_zone> rule_after_the_last_change(const std::string& name) {
  std::ifstream file("/usr/share/zoneinfo/" + name, std::ios::binary);
  const std::string data((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (data.size() < 2 || data.back() != '\n') return std::nullopt;
  const std::size_t begin = data.rfind('\n', data.size() - 2);
  if (begin == std::string::npos || begin + 2 >= data.size()) return std::nullopt;
  try {
    return Posix::time_zone(data.substr(begin + 1, data.size() - begin - 2));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

class Zone {
 public:
  explicit Zone(const date::time_zone& listed) : listed_(listed), rule_(rule_after_the_last_change(listed.name())) {}

  ZoneSpan at(std::int64_t instant) {
    if (instant < last_.begin || instant >= last_.end) last_ = looked_up(instant);
    return last_;
  }

 private:
  ZoneSpan looked_up(std::int64_t instant) const {
    const date::sys_seconds when{std::chrono::seconds{instant}};
    const ZoneSpan listed = span_of(listed_.get_info(when));
    if (!rule_ || listed.end < end_of_calendar) return listed;
    ZoneSpan span = span_of(rule_->get_info(when));
    span.begin = std::max(span.begin, listed.begin);
    return span;
  }

  const date::time_zone& listed_;
  std::optional<Posix::time_zone> rule_;
  ZoneSpan last_{};  // rows that follow each other are often near in time
};

const std::vector<std::string>& zone_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    try {
      for (const auto& zone : date::get_tzdb().zones)
        if (!zone.name().empty() && zone.name()[0] >= 'A' && zone.name()[0] <= 'Z') all.push_back(zone.name());  // no `localtime`
    } catch (const std::exception&) {
      all.clear();
    }
    std::sort(all.begin(), all.end());
    return all;
  }();
  return names;
}

Zone* find_zone(std::string_view name) {
  thread_local std::map<std::string, std::unique_ptr<Zone>, std::less<>> known;
  thread_local std::string_view last_name;  // a key of `known`
  thread_local Zone* last = nullptr;
  if (last != nullptr && name == last_name) return last;
  auto found = known.find(name);
  if (found == known.end()) {
    if (!std::binary_search(zone_names().begin(), zone_names().end(), name, std::less<>())) return nullptr;
    try {
      const date::time_zone* const listed = date::locate_zone(std::string(name));
      listed->get_info(date::sys_seconds{});  // reads its file
      found = known.emplace(name, std::make_unique<Zone>(*listed)).first;
    } catch (const std::exception&) {
      return nullptr;
    }
  }
  last_name = found->first;
  return last = found->second.get();
}

ZoneSpan span_at(Zone& zone, std::int64_t instant) { return zone.at(instant); }

}  // namespace bfl::eval
