#include <zstd.h>

#include "interpreter/ledger/columns.h"
#include "interpreter/ledger/merkle.h"
#include "interpreter/ledger/pack.h"

namespace bfl::ledger {
namespace {

constexpr std::size_t max_block = 1u << 30;  // a row of a gigabyte is the most that SQLite holds

Error broken(std::string_view what) {
  return {ErrorClass::fatal,
          "a pack of the ledger does not hold: " + std::string(what),
          {},
          "the tables `bfl_…` of the target were altered or damaged; restore them"};
}

// The blocks of a pack, decompressed one at a time.
class Blocks {
 public:
  explicit Blocks(std::string_view frame) : in_{frame.data(), frame.size(), 0} {}

  // False: at the end, or `problem`.
  bool next(std::string& block) {
    std::uint64_t length = 0;
    int shift = 0;
    for (;; shift += 7) {
      if (shift > 28) return fail("a block is too long");
      if (ready_.empty() && !more()) return problem_ || shift == 0 ? false : fail("it is cut off");
      const auto byte = static_cast<unsigned char>(ready_.front());
      ready_.remove_prefix(1);
      length |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) break;
    }
    if (length > max_block) return fail("a block is too long");
    block.clear();
    while (block.size() < length) {
      if (ready_.empty() && !more()) return problem_ ? false : fail("it is cut off");
      const std::string_view piece = ready_.substr(0, length - block.size());
      block.append(piece);
      ready_.remove_prefix(piece.size());
    }
    return true;
  }
  const char* problem() const { return problem_; }

 private:
  bool fail(const char* what) {
    problem_ = what;
    return false;
  }
  bool more() {
    while (!done_) {
      ZSTD_outBuffer to{piece_.data(), piece_.size(), 0};
      const std::size_t left = ZSTD_decompressStream(zstd_.get(), &to, &in_);
      if (ZSTD_isError(left)) return fail("it cannot be decompressed");
      done_ = left == 0;
      if (!done_ && to.pos == 0 && in_.pos == in_.size) return fail("it is cut off");
      if (done_ && in_.pos != in_.size) return fail("something stands behind its end");
      if (to.pos == 0) continue;
      ready_ = std::string_view(piece_).substr(0, to.pos);
      return true;
    }
    return false;
  }
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_{ZSTD_createDCtx(), ZSTD_freeDCtx};
  ZSTD_inBuffer in_;
  std::string piece_ = std::string(ZSTD_DStreamOutSize(), '\0');
  std::string_view ready_{};
  bool done_ = false;
  const char* problem_ = nullptr;
};

bool parse(std::string_view text, Record& record) {
  Reader reader{text};
  const std::string_view kind = reader.bytes(1);
  record.kind = kind.empty() ? '?' : kind[0];
  record.table = std::string(reader.bytes(reader.varint()));
  record.depth = static_cast<int>(reader.varint());
  record.before.clear();
  for (std::uint64_t n = reader.varint(); n > 0 && !reader.failed; --n) record.before.push_back(Stored::of(reader.value()));
  record.after.clear();
  for (std::uint64_t n = reader.varint(); n > 0 && !reader.failed; --n) {
    const int column = static_cast<int>(reader.varint());
    record.after.emplace_back(column, Stored::of(reader.value()));
  }
  record.reason = std::string(reader.bytes(reader.varint()));
  return !reader.failed && reader.rest.empty();
}

}  // namespace

Result<void> read_pack(std::string_view bytes, const Digest& root, const std::function<bool(const Record&)>& each) {
  KeyCollector none;
  return read_pack(bytes, root, none, each);
}

Result<void> read_blocks(std::string_view bytes, std::span<const std::size_t> wanted, const std::function<void(const Record&)>& each) {
  if (bytes.size() < pack_magic.size() + pack_seed_bytes) return broken("it does not begin as a pack");
  Blocks blocks(bytes.substr(pack_magic.size() + pack_seed_bytes));
  std::string block, text;
  Record record;
  for (std::size_t number = 0; !wanted.empty() && blocks.next(block); ++number) {
    if (number != wanted.front()) continue;
    wanted = wanted.subspan(1);
    ColumnReader reader(block);
    while (reader.next(text)) {
      if (!parse(text, record)) return broken("a record is not well formed");
      each(record);
    }
    if (reader.failed()) return broken("a block is not well formed");
  }
  return blocks.problem() ? Result<void>{broken(blocks.problem())} : Result<void>{};
}

Result<void> read_pack(std::string_view bytes, const Digest& root, KeyCollector& keys, const std::function<bool(const Record&)>& each) {
  MerkleTree tree;
  if (bytes.empty()) return tree.root() == root ? Result<void>{} : Result<void>{broken("it is missing")};
  if (bytes.size() < pack_magic.size() + pack_seed_bytes || bytes.substr(0, pack_magic.size()) != pack_magic)
    return broken("it does not begin as a pack");
  const std::string_view seed = bytes.substr(pack_magic.size(), pack_seed_bytes);
  Blocks blocks(bytes.substr(pack_magic.size() + pack_seed_bytes));
  std::string block, text;
  Record record;
  while (blocks.next(block)) {
    ColumnReader reader(block);
    while (reader.next(text)) {
      tree.add(as_bytes(pack_salt(seed, tree.size())).substr(0, pack_salt_bytes), text);
      if (!parse(text, record)) return broken("a record is not well formed");
      keys.add(text);
      if (!each(record)) return {};
    }
    keys.end_block();
    if (reader.failed()) return broken("a block is not well formed");
  }
  if (blocks.problem()) return broken(blocks.problem());
  if (tree.root() != root) return broken("its rows do not give the root that the entry names");
  return {};
}

}  // namespace bfl::ledger
