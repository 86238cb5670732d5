// Chunks whose entries were lost with bfl's tables while their rows were kept (`bfl state rebuild --lost keep`): an entry without images
// stands for them. Nobody can tell what these rows were, so whoever speaks of them says so.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/named_table.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

struct Gap {
  std::int64_t step = 0;               // row of bfl_step
  std::string job, name;
  std::int64_t generation = 0, chunks = 0;  // chunks: that were lost; 0: an older bfl has not counted them
  bool undone = false;                 // the generation is
  std::string table, schema;           // of the step, as in TableName; empty: its entry does not tell
  std::vector<std::string> key{};      // columns of its key
  bool by_key = true;                  // the ends are keys of rows; else numbers of rows in the sealed set of the step
  std::optional<Key> from{};           // none: from the start
  Key to;
  bool hidden = false;                 // its ends are not to be shown: set by whoever knows what is sensitive
  std::string time, who;               // of the entry: who took them as done

  // "the rows behind 20 up to 30", "rows 21 to 30 of its sealed set".
  std::string rows(bool hides_keys) const;
};
// Of a job, or of every job where none is named; oldest first.
Result<std::vector<Gap>> gaps(connect::Connector& target, const std::string& job = {});
// The rows of a gap in a sealed set, by what they are planned under: their key, or the key of what causes them; and, where the set has it,
// their image.
using LostRow = std::function<void(connect::RawRow planned)>;
Result<void> each_lost(connect::Connector& target, const Gap& gap, const LostRow& each);
// Whether the row with this key of the table is of a gap, as far as that can be told: true where it cannot.
Result<bool> may_hold(connect::Connector& target, const Gap& gap, const NamedTable& table, connect::RawRow key);

}  // namespace bfl::ledger
