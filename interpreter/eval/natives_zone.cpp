// stdlib/time.bfl: what the clocks on the wall of a time zone show.
#include <algorithm>

#include "interpreter/base/diagnostic.h"
#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/time_zone.h"

namespace bfl::eval {

namespace {

constexpr std::int64_t micros_per_second = 1'000'000;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t seconds_of(Timestamp t) { return floor_divide(t.micros, micros_per_second); }

Outcome no_such_zone(const std::string& name) {
  if (zone_names().empty()) return Failure{"there is no time zone data on this machine: install tzdata"};
  const std::string meant = nearest(name, zone_names());
  return Failure{shown(name) + " is no time zone" + (meant.empty() ? ", expected a name like \"Europe/London\"" : ", did you mean \"" + meant + "\"?")};
}

Outcome timestamp_outcome(std::int64_t micros) {
  if (micros < min_timestamp_micros || micros > max_timestamp_micros) return Failure{"the result is outside of the years 1 to 9999"};
  return Value(Timestamp{micros});
}

// Calls `act` with the instant and what the zone's clock is ahead of UTC then, in microseconds.
template <class Act>
Outcome with_offset(Args args, const Act& act) {
  Zone* const zone = find_zone(text_at(args, 1));
  if (zone == nullptr) return no_such_zone(text_at(args, 1));
  const Timestamp t = args[0].as<Timestamp>();
  return act(t.micros, span_at(*zone, seconds_of(t)).offset * micros_per_second);
}

Outcome wall_time(Args args) {
  return with_offset(args, [](std::int64_t micros, std::int64_t offset) { return timestamp_outcome(micros + offset); });
}

Outcome date_in_zone(Args args) {
  return with_offset(args, [](std::int64_t micros, std::int64_t offset) -> Outcome {
    const std::int64_t days = floor_divide(micros + offset, micros_per_day);
    if (days < min_date_days || days > max_date_days) return Failure{"the result is outside of the years 1 to 9999"};
    return Value(Date{static_cast<std::int32_t>(days)});
  });
}

Outcome utc_offset(Args args) {
  return with_offset(args, [](std::int64_t, std::int64_t offset) -> Outcome { return Value(Duration{offset}); });
}

// The instants at which a clock shows a time: one, none where it was put forward, several where it was put back.
struct Shown {
  std::vector<std::int64_t> instants{};  // in order
  ZoneSpan before{}, after{};            // of none: the stretches between which the time was left out
};

Shown instants_of(Zone& zone, std::int64_t wall) {
  constexpr std::int64_t most = 26 * 3600;  // no clock is further from UTC
  Shown found;
  ZoneSpan before = span_at(zone, wall - most);
  for (ZoneSpan span = before;; before = span, span = span_at(zone, span.end)) {
    const std::int64_t instant = wall - span.offset;
    if (instant >= span.begin && instant < span.end) found.instants.push_back(instant);
    else if (instant < span.begin && wall - before.offset >= before.end) found.before = before, found.after = span;
    if (span.end > wall + most) return found;
  }
}

enum class Choice { only, first, last };

std::string said(std::int64_t seconds, std::string_view suffix) {
  return format_timestamp(Timestamp{seconds * micros_per_second}, suffix.empty() ? ' ' : 'T', suffix);
}

template <Choice choice>
Outcome from_wall_time(Args args) {
  const std::string& name = text_at(args, 1);
  Zone* const zone = find_zone(name);
  if (zone == nullptr) return no_such_zone(name);
  const Timestamp t = args[0].as<Timestamp>();
  const std::int64_t wall = seconds_of(t), fraction = t.micros - wall * micros_per_second;
  const Shown found = instants_of(*zone, wall);
  if (found.instants.empty()) {
    const std::int64_t change = found.after.begin;
    if (choice != Choice::only) return timestamp_outcome(change * micros_per_second);
    return Failure{"the clocks of " + name + " never showed " + said(wall, "") + ": at " + said(change, "Z") + " they went from " +
                   said(change + found.before.offset, "") + " to " + said(change + found.after.offset, "") +
                   " (`from_wall_time_first` takes that instant)"};
  }
  if (choice == Choice::only && found.instants.size() > 1)
    return Failure{"the clocks of " + name + " showed " + said(wall, "") + " twice, at " + said(found.instants.front(), "Z") + " and at " +
                   said(found.instants.back(), "Z") + " (`from_wall_time_first` and `from_wall_time_last` choose)"};
  const std::int64_t instant = choice == Choice::last ? found.instants.back() : found.instants.front();
  return timestamp_outcome(instant * micros_per_second + fraction);
}

constexpr NativeRow rows[] = {
    {"wall_time(timestamp,text)", wall_time},
    {"date_in_zone(timestamp,text)", date_in_zone},
    {"utc_offset(timestamp,text)", utc_offset},
    {"from_wall_time(timestamp,text)", from_wall_time<Choice::only>},
    {"from_wall_time_first(timestamp,text)", from_wall_time<Choice::first>},
    {"from_wall_time_last(timestamp,text)", from_wall_time<Choice::last>},
};

}  // namespace

std::span<const NativeRow> zone_rows() { return rows; }

}  // namespace bfl::eval
