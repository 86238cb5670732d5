#include "interpreter/run/backwards.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace bfl::run {

using ledger::Record;
using ledger::Stored;

namespace {

constexpr std::size_t most_bytes_together = 4u << 20;  // of images: what is sent and what comes back takes room as well

}  // namespace

Result<const Record*> Backwards::at(std::int64_t number) {
  while (!(first_ <= number && number < first_ + static_cast<std::int64_t>(records_.size()))) {
    std::int64_t from = 0;
    auto pack = task_.packs.rbegin();
    while (pack != task_.packs.rend() && from + pack->images <= number) from += (pack++)->images;
    if (pack == task_.packs.rend()) return Error{ErrorClass::fatal, "the ledger has fewer images than it had"};
    auto records = ledger::images(target_, *pack);
    if (!records) return records.error();
    records_ = std::move(*records);
    first_ = from;
    find_circles();
  }
  return &records_[records_.size() - 1 - place(number)];
}

// Two images are of one row where the later one has found it under the key that the other one left it.
void Backwards::find_circles() {
  later_.resize(records_.size());
  goes_on_.assign(records_.size(), false);
  circles_.clear();
  std::unordered_map<std::string, std::size_t> found;
  const std::vector<int>& key = task_.tables[0].key;
  const std::size_t columns = task_.tables[0].columns.size();
  const auto known_by = [&](const std::vector<Stored>& row) {
    const auto values = ledger::key_in(row, key);
    return ledger::encode(ledger::key_of(values, values.size()));
  };
  std::size_t begin = 0, end = 0;  // of the newest circle
  for (std::size_t i = 0; i < records_.size(); ++i) {
    later_[i] = i;
    const Record& record = records_[records_.size() - 1 - i];
    if (record.kind != 'u' || !record.table.empty() || record.depth > 0) continue;
    std::string before = known_by(record.before);
    const bool moved = std::any_of(record.after.begin(), record.after.end(), [&](const auto& pair) { return std::find(key.begin(), key.end(), pair.first) != key.end(); });
    const auto same = found.find(moved ? known_by(ledger::row_after(record, columns)) : before);
    if (same != found.end()) {
      later_[i] = same->second;
      goes_on_[same->second] = true;
      found.erase(same);
      // It may reach over circles that were found within it, or into the newest.
      begin = later_[i], end = i + 1;
      for (auto other = circles_.rbegin(); other != circles_.rend() && other->second > begin; other = circles_.rbegin()) {
        begin = std::min(begin, other->first);
        circles_.erase(other->first);
      }
      circles_[begin] = end;
      continue;
    }
    found.emplace(std::move(before), i);
  }
}

bool Backwards::goes_on(std::int64_t number) const { return goes_on_[place(number)]; }

std::optional<std::int64_t> Backwards::later(std::int64_t number) const {
  const std::size_t other = later_[place(number)];
  return other == place(number) ? std::nullopt : std::optional(first_ + static_cast<std::int64_t>(other));
}

Result<std::vector<const Record*>> Backwards::together(const RowBack& back, std::int64_t number, std::int64_t to, bool alone) {
  auto next = at(number);
  if (!next) return next.error();
  const std::size_t most = alone ? 1 : back.most_together(**next);
  std::vector<const Record*> some;
  std::set<std::string> rows;
  std::size_t bytes = 0;
  to = std::min(to, first_ + static_cast<std::int64_t>(records_.size()));
  for (; number < to && some.size() < most && bytes < most_bytes_together; ++number) {
    const Record* const record = *at(number);
    auto of_it = back.rows_of(*record);
    if (!some.empty() && (record->table != some.front()->table || circles_.contains(place(number)) || std::any_of(of_it.begin(), of_it.end(), [&](const std::string& row) { return rows.contains(row); }))) break;
    rows.merge(of_it);
    for (const Stored& value : record->before) bytes += value.bytes.size();
    for (const auto& [column, value] : record->after) bytes += value.bytes.size();
    some.push_back(record);
  }
  return some;
}

Result<std::int64_t> Backwards::end_of_circle(std::int64_t number) {
  if (auto record = at(number); !record) return record.error();
  const auto circle = circles_.find(place(number));
  return circle == circles_.end() ? number : first_ + static_cast<std::int64_t>(circle->second);
}

Result<std::int64_t> Backwards::end_of_chunk(std::int64_t from, std::int64_t to) {
  // Where it reaches into another entry it ends between two: what is read for the one is not read again for the other.
  std::int64_t begin = 0;
  for (auto pack = task_.packs.rbegin(); pack != task_.packs.rend() && begin + pack->images <= to; ++pack) begin += pack->images;
  if (begin > from) return begin;
  if (auto record = at(from); !record) return record.error();
  auto circle = circles_.lower_bound(place(to));
  if (circle == circles_.begin()) return to;
  --circle;
  const std::int64_t starts = first_ + static_cast<std::int64_t>(circle->first), ends = first_ + static_cast<std::int64_t>(circle->second);
  return starts >= from && ends > to ? ends : to;
}

// Every row once; of one with two images, what the later one finds, unless the row is as it was before both.
Result<std::vector<InCircle>> look_at_circle(RowBack& back, Backwards& images, std::int64_t from, std::int64_t to) {
  std::vector<InCircle> rows;
  std::unordered_map<std::int64_t, std::size_t> row_of;  // by number
  while (from < to) {
    auto records = images.together(back, from, to, false);
    if (!records) return records.error();
    auto judged = back.judge(*records);
    if (!judged) return judged.error();
    for (std::size_t i = 0; i < records->size(); ++i, ++from) {
      const auto later = images.later(from);
      if (later) {
        InCircle& row = rows[row_of.at(*later)];
        row.first = (*records)[i];
        if ((*judged)[i].verdict == Verdict::as_before) row.judged = std::move((*judged)[i]);
        continue;
      }
      row_of.emplace(from, rows.size());
      rows.push_back({(*records)[i], (*records)[i], std::move((*judged)[i])});
    }
  }
  return rows;
}

bool goes_back(const std::vector<InCircle>& circle) {
  return std::all_of(circle.begin(), circle.end(), [](const InCircle& row) { return row.judged.verdict == Verdict::put_back; });
}

void stay_together(const RowBack& back, std::vector<InCircle>& circle) {
  const auto stays = std::find_if(circle.begin(), circle.end(), [](const InCircle& row) { return row.judged.verdict != Verdict::put_back; });
  if (stays == circle.end()) return;
  const std::string why = stays->judged.verdict == Verdict::passed_over ? fmt::format("it has exchanged values with {}, which is not asked for: they go back together", back.shown_key(*stays->first))
                                                                         : fmt::format("it has exchanged values with {}, which stays as it is: they go back together", back.shown_key(*stays->first));
  for (InCircle& row : circle)
    if (row.judged.verdict == Verdict::put_back) row.judged = Judged{Verdict::conflict, why, {}};
}

}  // namespace bfl::run
