// The images of a chunk: every row before, and what changed of it, as one compressed and hashed block.
//
// Rows come from the connector's observer on the thread that changes the database; a second thread hashes and compresses
// them meanwhile, because that costs as much as the change itself. A pack is
//   "BFP1", the 32-byte seed, then one zstd frame of records, each with its length before it;
//   record: kind ('u' update, 'i' insert, 'd' delete, 'c' conflict), table (empty: the step's own), depth,
//           the row before (count and values), what it became (count of pairs column, value; for an insert all values),
//           a reason (conflicts).
// The root is that of RFC 6962 over the leaves SHA-256(0 ‖ salt ‖ record). The salt of row n is the first 16 bytes of
// SHA-256(seed ‖ n): 16 fresh random bytes a row would be a third of the compressed pack. To erase one row later, its
// record and the seed go, and the salts of the others are kept in their place: all proofs stay valid.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

struct Pack {
  std::string bytes;            // empty when there is no record
  std::int64_t records = 0;
  std::int64_t raw_bytes = 0;   // of the records, before compression
  Digest root{};                // SHA-256 of nothing when there is no record (RFC 6962)
};

class PackWriter {
 public:
  PackWriter();
  ~PackWriter();
  void add(const connect::RowChange& change, bool own_table);
  void conflict(const Key& key, std::string_view reason);
  std::int64_t raw_bytes() const { return raw_bytes_; }
  Pack finish();                // waits for the second thread; the writer is then ready for the next chunk

 private:
  struct Worker;
  void begin_record();
  void end_record();
  std::unique_ptr<Worker> worker_;
  std::string block_;           // records not yet handed over
  std::string record_;
  std::int64_t raw_bytes_ = 0;
};

struct Record {
  char kind = 'u';
  std::string table;                               // empty: the step's own
  int depth = 0;
  std::vector<Stored> before;
  std::vector<std::pair<int, Stored>> after;       // column and value
  std::string reason;
};

// Reads a pack back and proves it against its root; an error of class fatal when it does not hold.
Result<void> read_pack(std::string_view bytes, const Digest& root, const std::function<void(const Record&)>& each);

}  // namespace bfl::ledger
