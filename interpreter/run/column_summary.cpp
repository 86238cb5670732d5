#include "interpreter/run/column_summary.h"

#include <algorithm>

#include "interpreter/run/discreet.h"

namespace bfl::run {
namespace {

constexpr std::size_t most_seen = 20'000, most_told = 5;

void count(std::optional<Decimal>& sum, const Value& value) {
  if (!sum || value.is_null()) return;
  sum = add(*sum, value.kind() == Kind::integer ? Decimal(value.as<std::int64_t>()) : value.as<Decimal>());  // nothing: beyond all digits
}

}  // namespace

Summing::Summing(const Column& column)
    : sensitive_(column.sensitive), number_(!column.sensitive && (column.type.kind == Kind::integer || column.type.kind == Kind::decimal)) {
  sum_.column = column.name;
  if (number_) sum_.sum_before = sum_.sum_after = Decimal(0);
}

void Summing::add(const std::optional<Value>& before, const Value& after) {
  if (number_) {
    if (before) count(sum_.sum_before, *before);
    count(sum_.sum_after, after);
  }
  if (before && equal(*before, after)) return;
  ++sum_.changed;
  if (before && before->is_null()) ++sum_.filled;
  if (before && after.is_null()) ++sum_.emptied;
  if (sensitive_) return;
  const std::string both[] = {before ? to_canonical(*before) : std::string(), to_canonical(after)};
  connect::RawValue raw[2];
  for (const std::size_t i : {0, 1}) raw[i].kind = connect::RawValue::Class::blob, raw[i].bytes = both[i];
  ColumnSummary::Change& change = seen_[ledger::short_digest(raw)];
  if (change.rows++ == 0) change.before = before ? shown(*before) : std::string(), change.after = shown(after);
  if (seen_.size() > most_seen) thin();
}

// The counts that are kept are too low by at most what was taken from all (Misra and Gries, 1982).
void Summing::thin() {
  std::vector<std::int64_t> counts;
  for (const auto& [digest, change] : seen_) counts.push_back(change.rows);
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  const std::int64_t less = *middle;
  sum_.uncounted += less;
  for (auto& [digest, change] : seen_) change.rows -= less;
  std::erase_if(seen_, [](const auto& one) { return one.second.rows <= 0; });
}

ColumnSummary Summing::finish() {
  for (auto& [digest, change] : seen_) sum_.changes.push_back(std::move(change));
  seen_.clear();
  std::sort(sum_.changes.begin(), sum_.changes.end(), [](const auto& a, const auto& b) {
    return a.rows != b.rows ? a.rows > b.rows : a.before != b.before ? a.before < b.before : a.after < b.after;
  });
  if (sum_.changes.size() > most_told) sum_.changes.resize(most_told);
  // Where no two rows change alike there is nothing to sum up.
  if (!sum_.changes.empty() && sum_.changes[0].rows <= std::max<std::int64_t>(1, sum_.uncounted) && sum_.changed > 1) sum_.changes.clear();
  return std::move(sum_);
}

}  // namespace bfl::run
