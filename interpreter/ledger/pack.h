// The images of a chunk: every row before, and what changed of it, as one compressed and hashed pack.
//
// Rows come from the connector's observer on the thread that changes the database; a second thread hashes, turns on their
// side and compresses them meanwhile, because that costs as much as the change itself. A pack is
//   "BFP1", the 32-byte seed, then one zstd frame of blocks, each with its length before it (columns.h).
// The records of the blocks, in order:
//   kind ('u' update, 'i' insert, 'd' delete, 'c' conflict, 's' skipped, 'q' quarantined, 'p' planned), table (empty: the step's own), depth,
//   values before (count, values), values after (count, pairs of column and value), a reason (conflicts, skips, quarantine; of an update
//   see in_between.h).
//   Inserts have there the key of what caused them; rows with a reason have the key, planned rows the key and then the row.
// The root is that of RFC 6962 over the leaves SHA-256(0 ‖ salt ‖ record). The salt of record n is the first 16 bytes of
// SHA-256(seed ‖ n): 16 fresh random bytes a row would be a third of the compressed pack.
//
// A pack out of which values were erased has no seed any more, or whoever has the rest of a record could try what fits its leaf:
//   "BFP2", how many records, how many were erased from, and of each of these its number (as the distance to the one before), how many
//   values, and which (0: the reason; c + 1: column c); then for each record, in order, its salt (16 bytes) or, where something was
//   erased, its leaf (32); then the frame. Values that were erased are null in it. The root is what it was.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/key_index.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

inline constexpr std::size_t conflicts_named = 20;  // of a chunk and of a run's step: people are told these, the ledger has all

// A row that was left as it is: of the step's own table, where none is named.
struct Conflict {
  Key key;
  std::string reason, table{};
};

struct Pack {
  std::string bytes;            // empty when there is no record
  std::int64_t records = 0;
  std::int64_t raw_bytes = 0;   // of the records, before compression
  Digest root{};                // SHA-256 of nothing when there is no record (RFC 6962)
  std::vector<KeyIndex> keys{}; // of the rows that it speaks of, by table
  std::vector<Conflict> conflicts{};  // the first of them
};

class PackWriter {
 public:
  // `tables`: those of whose rows the keys are collected.
  explicit PackWriter(const std::vector<ImageTable>& tables = {});
  ~PackWriter();
  void add(const connect::RowChange& change, bool own_table, std::string_view reason = {});  // `reason`: in_between.h
  void conflict(connect::RawRow key, std::string_view reason, std::string_view table = {});
  void skip(connect::RawRow key, std::string_view reason);
  void set_aside(connect::RawRow key, std::string_view reason);
  // A row of a sealed set: its key, what it was, and what the columns are to become. `row` is empty for `once` steps and for
  // rows that are to be added, `values` for rows that are to go. `table`: another one than the step's own. `reason`: a
  // mark that is given back with the row.
  void plan(connect::RawRow key, connect::RawRow row, std::span<const int> columns, connect::RawRow values, std::string_view table = {},
            std::string_view reason = {});
  std::int64_t raw_bytes() const { return raw_bytes_; }
  Pack finish();                // waits for the second thread; the writer is then ready for the next pack
  void discard();               // of a transaction that was rolled back

 private:
  struct Worker;
  char* begin(char kind, std::string_view table, int depth, std::size_t room);
  char* no_pairs(char* to, std::string_view reason);
  void end(char* to);
  void reasoned(char kind, connect::RawRow key, std::string_view reason);
  std::unique_ptr<Worker> worker_;
  std::string block_;           // records not yet handed over, each behind its length of four bytes; sized ahead
  std::size_t used_ = 0, record_ = 0;
  std::int64_t raw_bytes_ = 0;
  std::vector<Conflict> conflicts_;
};

struct Record {
  char kind = 'u';
  std::string table;                               // empty: the step's own
  int depth = 0;
  std::vector<Stored> before;
  std::vector<std::pair<int, Stored>> after;       // column and value
  std::string reason;
  std::vector<int> erased{};                       // what is null because it was erased: columns of the row; -1: the reason
};

// Reads a pack back and proves it against its root; an error of class fatal when it does not hold. Records are given while
// the proof is under way: what was done with them counts only when the whole pack held. False from `each` stops, unproved.
Result<void> read_pack(std::string_view bytes, const Digest& root, const std::function<bool(const Record&)>& each);
// The same, with the keys of its rows collected.
Result<void> read_pack(std::string_view bytes, const Digest& root, KeyCollector& keys, const std::function<bool(const Record&)>& each);
// The records of some blocks alone: of a pack whose bytes were proved by their digest.
Result<void> read_blocks(std::string_view bytes, std::span<const std::size_t> blocks, const std::function<void(const Record&)>& each);

// Erases: `wanted` says of each record which of its columns are to go (-1: its reason), of rows of `columns` columns. The pack is proved against its root first; what it
// is then gives the same root.
struct Erased {
  std::string bytes;            // of the new pack
  std::int64_t records = 0;     // out of which something was erased now; 0: the pack is as it was
};
Result<Erased> erase(std::string_view bytes, const Digest& root, std::size_t columns, const std::function<std::vector<int>(const Record&)>& wanted);

// What a writer and a reader of packs share.
inline constexpr std::string_view pack_magic = "BFP1", erased_magic = "BFP2";
inline constexpr std::size_t pack_seed_bytes = 32, pack_salt_bytes = 16;
Digest pack_salt(std::string_view seed, std::uint64_t ordinal);  // its first bytes; `seed` has pack_seed_bytes

}  // namespace bfl::ledger
