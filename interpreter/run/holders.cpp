#include "interpreter/run/holders.h"

#include <algorithm>

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;

Result<void> Holders::prepare(connect::Connector& target, const std::vector<lower::UniqueKey>& uniques, const eval::Context& evaluation) {
  for (const lower::UniqueKey& unique : uniques) {
    auto prepared = target.prepare(unique.holder, evaluation);
    if (!prepared) return prepared.error();
    asked_.push_back({unique.columns, std::move(*prepared)});
  }
  return {};
}

Result<std::optional<Holders::Held>> Holders::other(RawRow key, RawRow now, RawRow values) const {
  const std::string own = ledger::encode(ledger::key_of(key, key.size()));
  for (const Asked& asked : asked_) {
    std::vector<RawValue> wanted;
    bool moves = false, null = false;
    for (const int column : asked.columns) {
      RawValue value = now[static_cast<std::size_t>(column)];
      for (std::size_t i = 0; i < std::min(values.size(), step_.assignments.size()); ++i)
        if (step_.assignments[i].column == column) {
          moves |= !ledger::same(value, values[i]);
          value = values[i];
        }
      null |= value.kind == RawValue::Class::null;
      wanted.push_back(value);
    }
    if (!moves || null) continue;
    std::optional<ledger::Key> other;
    auto read = asked.holder->query_raw(wanted, [&](RawRow holder) {
      ledger::Key theirs = ledger::key_of(holder, holder.size());
      if (ledger::encode(theirs) != own) other = std::move(theirs);
      return !other;
    });
    if (!read) return read.error();
    if (other) return std::optional(Held{std::move(*other), asked.columns});
  }
  return std::optional<Held>();
}

}  // namespace bfl::run
