// Records turned on their side: what stands in one column of many rows lies together and differs little.
//
// A row-wise block of orders compresses to about half; by columns, with integers as differences, money as cents and what is
// equal from row to row said once, to less than a third, and faster. The records come back bit for bit: their hashes hold.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

// Bytes that grow under plain stores: one check for each value, where a string would make one for each byte.
class Growing {
 public:
  char* room(std::size_t more) {
    if (memory_.size() - used_ < more) memory_.resize(std::max(2 * memory_.size(), used_ + more));
    return memory_.data() + used_;
  }
  void written(const char* end) { used_ = static_cast<std::size_t>(end - memory_.data()); }
  std::string_view text() const { return {memory_.data(), used_}; }
  void clear() { used_ = 0; }        // memory is kept

 private:
  std::string memory_{};
  std::size_t used_ = 0;
};

// One column of a block, as it was or as it became: classes in runs, then the contents.
struct ColumnStream {
  Growing classes{}, content{};
  std::uint8_t current = 0xff;       // class of the run under way
  std::uint64_t run = 0;
  std::int64_t previous = 0;         // integer, that the next one is told from
};

class ColumnWriter {
 public:
  void add(std::string_view record);  // as pack.h describes it
  std::string_view finish();          // the block, until the next record; empty when nothing was added

 private:
  ColumnStream& stream(std::size_t number) {
    if (number >= streams_.size()) streams_.resize(number + 1);
    return streams_[number];
  }
  void put(ColumnStream& stream, const connect::RawValue& value, std::size_t column, bool after);
  void end_head_run();

  Growing heads_, block_;
  std::string head_, last_head_;
  std::uint64_t head_run_ = 0, records_ = 0;
  std::vector<ColumnStream> streams_;           // 2 c: column c before; 2 c + 1: after
  std::vector<std::pair<bool, std::int64_t>> numbers_;  // of the record under way: before values that are integers
};

class ColumnReader {
 public:
  explicit ColumnReader(std::string_view block);
  bool next(std::string& record);    // false: at the end, or `failed`
  bool failed() const { return failed_; }

 private:
  struct Stream {
    Reader classes, content;
    std::uint8_t current = 0;
    std::uint64_t run = 0;
    std::int64_t previous = 0;
  };
  bool take(std::string& out, std::size_t number, std::size_t column, bool after);

  Reader heads_{};
  std::string_view head_{};
  std::uint64_t head_run_ = 0, left_ = 0;
  std::vector<Stream> streams_;
  std::vector<std::pair<bool, std::int64_t>> numbers_;
  bool failed_ = false;
};

}  // namespace bfl::ledger
