// Which rows a pack speaks of, in few bytes: what makes the history of one row a matter of milliseconds.
//
// An entry of an index for each row would be larger than the images themselves. Kept are, for each pack and table: the smallest
// and the largest key, by which SQL finds the packs that may hold a row; the same for each block of the pack, so that one block
// is decoded and not all; and, unless the keys are integers without a gap, a Bloom filter of ten bits a row, by which one in a
// hundred packs is read in vain. Keys are compared in a form of their own whose bytes sort alike in every engine.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/image_table.h"

namespace bfl::ledger {

struct KeyIndex {
  std::string table;
  std::string low, high;   // of the keys in the pack
  std::string detail;      // blocks and filter
};
std::string key_index_digest(const std::vector<KeyIndex>& all);  // hex

// The form in which keys are compared; cut where it is long: from below, or from above.
std::string sortable(connect::RawRow key);
std::string lower_end(std::string key), upper_end(std::string key);

// The blocks of a pack that may hold the key; nothing when the pack does not.
std::optional<std::vector<std::size_t>> blocks_with(std::string_view detail, std::string_view key);

// Takes in the records of a pack, in order, and says at the end which rows they are of.
class KeyCollector {
 public:
  KeyCollector() = default;
  explicit KeyCollector(const std::vector<ImageTable>& tables);  // the first is the one whose records name none
  void add(std::string_view record);                             // as pack.h describes it
  void end_block() { ++block_; }
  std::vector<KeyIndex> finish();                                // and starts anew
  void clear();

 private:
  struct Block { std::size_t number; std::string low, high; };
  struct Kept {
    ImageTable table;
    bool moves = false;
    int last_column = -1;        // the last one of the key: what stands behind it is not looked at
    std::vector<Block> blocks{};
    std::vector<std::uint64_t> hashes{};
    bool dense = true;           // integers, each the next one of the one before
    std::int64_t previous = 0;
  };
  void add(Kept& kept, connect::RawRow key);
  std::vector<Kept> kept_;
  std::vector<connect::RawValue> row_, key_;
  std::string form_;
  std::size_t block_ = 0;
};

}  // namespace bfl::ledger
