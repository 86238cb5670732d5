#include "interpreter/run/intent_rows.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;

IntentRows::IntentRows(const lower::Intent& intent, const lower::Statement& select, std::vector<lower::Wire> stored, connect::Connector& engine,
                       connect::Connector& target)
    : intent_(intent), given_(select.columns), stored_(std::move(stored)), engine_(engine), target_(target), same_(&engine == &target) {
  read_.resize(stored_.size());
  arenas_.resize(stored_.size());
}

Result<void> IntentRows::convert(RawRow row, std::size_t from_column, std::size_t first_wire, std::vector<RawValue>& into) {
  into.resize(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    auto value = engine_.decode(row[i], given_[from_column + i]);
    if (!value) return value.error();
    read_[first_wire + i] = std::move(*value);  // what is encoded may lie in it
    auto raw = target_.encode(read_[first_wire + i], stored_[first_wire + i], arenas_[first_wire + i]);
    if (!raw) return raw.error();
    into[i] = *raw;
  }
  return {};
}

Result<void> IntentRows::read(RawRow row) {
  std::size_t at = 0;
  const auto take = [&](std::size_t count) { return row.subspan(std::exchange(at, at + count), count); };
  const bool key_is_packed = intent_.packed && !intent_.flag;
  key_ = key_is_packed ? RawRow() : take(intent_.key);
  if (!same_ && !key_is_packed) {
    if (auto made = convert(key_, 0, 0, made_key_); !made) return made;
    key_ = made_key_;
  }
  const bool there = intent_.image > 0 && (!intent_.flag || row[at].integer != 0);
  if (intent_.flag) ++at;
  image_ = {};
  if (!intent_.packed) {
    const RawRow image = take(intent_.image);
    if (there) image_ = image;
  } else {
    const RawValue packed = row[at++];
    ledger::Reader reader{packed.bytes};
    unpacked_.clear();
    while (there && !reader.rest.empty() && !reader.failed) unpacked_.push_back(reader.value());
    const std::size_t keys = key_is_packed ? intent_.key : 0;
    if (there && (reader.failed || unpacked_.size() != keys + intent_.image)) return Error{ErrorClass::fatal, "an image came broken from where it was computed"};
    if (there && key_is_packed) key_ = RawRow(unpacked_).first(keys);
    if (there) image_ = RawRow(unpacked_).subspan(keys);
  }
  values_ = row.subspan(at);
  if (same_ || values_.empty()) return {};
  if (auto made = convert(values_, at, intent_.key, made_values_); !made) return made;
  values_ = made_values_;
  return {};
}

}  // namespace bfl::run
