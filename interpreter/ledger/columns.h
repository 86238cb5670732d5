// Records turned on their side: what stands in one column of many rows lies together and differs little.
//
// A row-wise block of orders compresses to about half; by columns, with integers as differences, money as cents and what is
// equal from row to row said once, to less than a third, and faster. The records come back bit for bit: their hashes hold.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

// One column of a block, as it was or as it became: classes in runs, then the contents.
struct ColumnStream {
  std::string classes{}, content{};
  std::uint8_t current = 0xff;       // class of the run under way
  std::uint64_t run = 0;
  std::int64_t previous = 0;         // integer, that the next one is told from
};

class ColumnWriter {
 public:
  void add(std::string_view record);  // as pack.h describes it
  std::string finish();               // the block; empty when nothing was added

 private:
  ColumnStream& stream(std::size_t number);
  void put(ColumnStream& stream, const connect::RawValue& value, std::size_t column, bool after);
  void end_head_run();

  std::string heads_, head_, last_head_;
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
