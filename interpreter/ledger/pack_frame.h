// A pack taken apart for whoever reads it: what stands before its frame, and the blocks in it.
#pragma once
#include <zstd.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/ledger/merkle.h"
#include "interpreter/ledger/pack.h"

namespace bfl::ledger {

Error broken(std::string_view what);
bool parse(std::string_view text, Record& record);  // false: it is no record

// What stands before the frame: by what the leaves of the records are made. Views into the pack.
class PackHead {
 public:
  explicit PackHead(std::string_view pack);
  const char* problem() const { return problem_; }   // nothing: it is one
  std::string_view frame() const { return frame_; }
  // What is gone of a record; nothing: it is as it was.
  const std::vector<int>* erased(std::uint64_t record) const;
  const std::map<std::uint64_t, std::vector<int>>& all_erased() const { return erased_; }
  // The salt of a record (16 bytes), or of one that was erased from its leaf (32).
  std::string proof(std::uint64_t record) const;
  void add_leaf(MerkleTree& tree, std::string_view text) const;  // of the next record
  bool whole(std::uint64_t records) const { return erased_.empty() || records == offsets_.size(); }

 private:
  void read_erased(std::string_view rest);
  std::string_view seed_{}, proofs_{}, frame_{};
  std::map<std::uint64_t, std::vector<int>> erased_{};
  std::vector<std::uint32_t> offsets_{};             // of the proofs, by record
  const char* problem_ = nullptr;
};

// The blocks of a pack, decompressed one at a time.
class PackBlocks {
 public:
  explicit PackBlocks(std::string_view frame) : in_{frame.data(), frame.size(), 0} {}
  // False: at the end, or `problem`.
  bool next(std::string& block);
  const char* problem() const { return problem_; }

 private:
  bool fail(const char* what);
  bool more();
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_{ZSTD_createDCtx(), ZSTD_freeDCtx};
  ZSTD_inBuffer in_;
  std::string piece_ = std::string(ZSTD_DStreamOutSize(), '\0');
  std::string_view ready_{};
  bool done_ = false;
  const char* problem_ = nullptr;
};

}  // namespace bfl::ledger
