// The images of a generation, entry by entry: what an undo goes back over.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "interpreter/ledger/image_table.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

struct ImagePack {
  std::int64_t step = 0, lane = 0, seq = 0;
  std::int64_t images = 0;       // of rows; one that was in between has two (in_between.h)
  std::string run;
};
// Oldest first; those that hold images.
Result<std::vector<ImagePack>> image_packs(connect::Connector& target, std::int64_t step);
// The changes of one entry, proved; oldest first.
Result<std::vector<Record>> images(connect::Connector& target, const ImagePack& pack);
// As the entry that opened the generation describes them; empty when it could not.
Result<std::vector<ImageTable>> image_tables(connect::Connector& target, const std::string& job, std::int64_t step);

// Generations behind this one, of any job, not undone, that changed rows of a table.
struct Later {
  std::int64_t step = 0;
  std::string job, name;
  std::int64_t generation = 0;
};
Result<std::vector<Later>> later_changes(connect::Connector& target, std::int64_t step, const std::string& table);
// Short digests of the keys of the rows of a table that a generation changed: as they were, and as they became.
using Keys = std::unordered_set<Short, HashShort>;
// `without`: entries that are not looked at.
Result<void> add_changed_keys(connect::Connector& target, const Later& later, const std::string& table, Keys& keys, const std::vector<ImagePack>& without = {});

// What has become of rows by a step, in all of its generations and in what undoes have made of them: by its key, of added rows by what
// caused them. `key_columns` of its table.
struct AppliedRows {
  ChangedRows changed;           // or added
  Keys deleted;
  Keys put_back;                 // by an undo, and not changed by the step since
};
Result<AppliedRows> applied_rows(connect::Connector& target, const std::string& job, const std::string& step, const std::vector<int>& key_columns);

// A row as a change left it, every column: none for deletes. And as it was: none for inserts.
std::vector<Stored> row_after(const Record& record, std::size_t columns);
std::vector<Stored> row_before(const Record& record);
std::vector<connect::RawValue> key_in(const std::vector<Stored>& row, const std::vector<int>& key);

}  // namespace bfl::ledger
