// stdlib/array.bfl, and `+` of two arrays. One function serves all kinds of elements: the declarations say which there are.
#include <algorithm>
#include <chrono>
#include <limits>

#include "interpreter/eval/native_rows.h"

namespace bfl::eval {

namespace {

const std::vector<Value>& items_of(const Value& array) {
  static const std::vector<Value> none;
  const auto& items = array.as<Array>().items;
  return items ? *items : none;
}

Outcome joined(Args args) {
  const auto &first = items_of(args[0]), &second = items_of(args[1]);
  if (second.empty()) return args[0];
  if (first.empty()) return args[1];
  if (first.size() + second.size() > max_items) return Failure{"the array would have more than 1000000 elements"};
  std::vector<Value> all;
  all.reserve(first.size() + second.size());
  all.insert(all.end(), first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return array_outcome(std::move(all));
}

Outcome concat_with(Args args) {
  std::string out;
  bool first = true;
  for (const Value& part : items_of(args[0])) {
    const auto* const s = std::get_if<std::string>(&part.data);
    if (s == nullptr) continue;  // nulls are left out
    if (!std::exchange(first, false)) out += text_at(args, 1);
    out += *s;
    if (out.size() > max_text_bytes) return text_too_long();
  }
  return Value(std::move(out));
}

Outcome item(Args args) {
  const auto& items = items_of(args[0]);
  const std::int64_t number = int_at(args, 1);
  if (number < 1 || static_cast<std::uint64_t>(number) > items.size()) return Value();
  return items[static_cast<std::size_t>(number - 1)];
}

Outcome count_items(Args args) { return Value(static_cast<std::int64_t>(items_of(args[0]).size())); }

Outcome has_item(Args args) {
  for (const Value& part : items_of(args[0]))
    if (equal(part, args[1])) return Value(true);
  return Value(false);
}

// As substring(): what lies outside of the array is left out.
Outcome slice(Args args) {
  const auto& items = items_of(args[0]);
  std::int64_t first = int_at(args, 1), end = 0;
  if (__builtin_add_overflow(first, std::max<std::int64_t>(int_at(args, 2), 0), &end)) end = std::numeric_limits<std::int64_t>::max();
  first = std::max<std::int64_t>(first, 1);
  end = std::min(end, static_cast<std::int64_t>(items.size()) + 1);
  if (end <= first) return array_outcome({});
  return array_outcome(std::vector<Value>(items.begin() + (first - 1), items.begin() + (end - 1)));
}

bool before(const Value& a, const Value& b) { return order(a, b) < 0; }

Outcome sorted(Args args) {
  std::vector<Value> items = items_of(args[0]);
  std::stable_sort(items.begin(), items.end(), before);
  return array_outcome(std::move(items));
}

// By their order and not one by one: arrays may be long.
Outcome distinct_items(Args args) {
  const auto& items = items_of(args[0]);
  std::vector<std::size_t> numbers(items.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  std::stable_sort(numbers.begin(), numbers.end(), [&](std::size_t a, std::size_t b) { return before(items[a], items[b]); });
  const auto last = std::unique(numbers.begin(), numbers.end(), [&](std::size_t a, std::size_t b) { return order(items[a], items[b]) == 0; });
  std::sort(numbers.begin(), last);
  std::vector<Value> kept;
  for (auto number = numbers.begin(); number != last; ++number) kept.push_back(items[*number]);
  return array_outcome(std::move(kept));
}

Outcome without_nulls(Args args) {
  std::vector<Value> kept;
  for (const Value& item : items_of(args[0]))
    if (!item.is_null()) kept.push_back(item);
  return array_outcome(std::move(kept));
}

Outcome numbers(Args args) {
  const std::int64_t first = int_at(args, 0), last = int_at(args, 1);
  if (last < first) return array_outcome({});
  std::int64_t steps = 0;
  if (__builtin_sub_overflow(last, first, &steps) || steps >= static_cast<std::int64_t>(max_items)) return Failure{"the array would have more than 1000000 elements"};
  std::vector<Value> all;
  for (std::int64_t i = 0; i <= steps; ++i) all.emplace_back(first + i);
  return array_outcome(std::move(all));
}

Outcome dates(Args args) {
  const std::int64_t first = args[0].as<Date>().days, last = args[1].as<Date>().days;
  std::vector<Value> all;
  if (last - first >= static_cast<std::int64_t>(max_items)) return Failure{"the array would have more than 1000000 elements"};
  all.reserve(static_cast<std::size_t>(std::max<std::int64_t>(last - first + 1, 0)));
  for (std::int64_t day = first; day <= last; ++day) all.emplace_back(Date{static_cast<std::int32_t>(day)});
  return array_outcome(std::move(all));
}

Outcome months(Args args) {
  using std::chrono::days;
  const auto month_of = [](const Value& date) {
    const std::chrono::year_month_day day{std::chrono::sys_days(days(date.as<Date>().days))};
    return day.year() / day.month();
  };
  std::vector<Value> all;
  if (args[1].as<Date>() < args[0].as<Date>()) return array_outcome({});
  const auto last = month_of(args[1]);
  for (auto month = month_of(args[0]); month <= last; month += std::chrono::months(1))
    all.emplace_back(Date{static_cast<std::int32_t>(std::chrono::sys_days(month / 1).time_since_epoch().count())});
  return array_outcome(std::move(all));
}

constexpr NativeRow rows[] = {
    {"months(date,date)", months},
    {"numbers(int,int)", numbers},
    {"dates(date,date)", dates},
    {"concat_with([text],text)", concat_with},
    {"+([text],[text])", joined},
    {"+([int],[int])", joined},
    {"+([decimal],[decimal])", joined},
    {"+([float],[float])", joined},
    {"+([bool],[bool])", joined},
    {"+([date],[date])", joined},
    {"+([timestamp],[timestamp])", joined},
    {"+([duration],[duration])", joined},
    {"+([uuid],[uuid])", joined},
    {"+([json],[json])", joined},
    {"item([text],int)", item},
    {"count_items([text])", count_items},
    {"has_item([text],text)", has_item},
    {"slice([text],int,int)", slice},
    {"sort([text])", sorted},
    {"distinct_items([text])", distinct_items},
    {"without_nulls([text])", without_nulls},
    {"item([int],int)", item},
    {"count_items([int])", count_items},
    {"has_item([int],int)", has_item},
    {"slice([int],int,int)", slice},
    {"sort([int])", sorted},
    {"distinct_items([int])", distinct_items},
    {"without_nulls([int])", without_nulls},
    {"item([decimal],int)", item},
    {"count_items([decimal])", count_items},
    {"has_item([decimal],decimal)", has_item},
    {"slice([decimal],int,int)", slice},
    {"sort([decimal])", sorted},
    {"distinct_items([decimal])", distinct_items},
    {"without_nulls([decimal])", without_nulls},
    {"item([date],int)", item},
    {"count_items([date])", count_items},
    {"has_item([date],date)", has_item},
    {"slice([date],int,int)", slice},
    {"sort([date])", sorted},
    {"distinct_items([date])", distinct_items},
    {"without_nulls([date])", without_nulls},
    {"item([timestamp],int)", item},
    {"count_items([timestamp])", count_items},
    {"has_item([timestamp],timestamp)", has_item},
    {"slice([timestamp],int,int)", slice},
    {"sort([timestamp])", sorted},
    {"distinct_items([timestamp])", distinct_items},
    {"without_nulls([timestamp])", without_nulls},
    {"item([json],int)", item},
    {"count_items([json])", count_items},
};

}  // namespace

std::span<const NativeRow> array_rows() { return rows; }

}  // namespace bfl::eval
