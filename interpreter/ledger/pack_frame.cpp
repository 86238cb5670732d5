#include "interpreter/ledger/pack_frame.h"

namespace bfl::ledger {
namespace {

constexpr std::size_t max_block = 1u << 30;  // a row of a gigabyte is the most that SQLite holds
constexpr std::uint64_t max_records = 1u << 26, max_values = 1u << 16;  // of a pack; of a record

}  // namespace

Error broken(std::string_view what) {
  return {ErrorClass::fatal,
          "a pack of the ledger does not hold: " + std::string(what),
          {},
          "the tables `bfl_…` of the target were altered or damaged; restore them"};
}

PackHead::PackHead(std::string_view pack) {
  const std::string_view magic = pack.substr(0, pack_magic.size());
  std::string_view rest = pack.substr(magic.size());
  if (magic == erased_magic) {
    read_erased(rest);
    return;
  }
  if (magic != pack_magic || rest.size() < pack_seed_bytes) {
    problem_ = "it does not begin as a pack";
    return;
  }
  seed_ = rest.substr(0, pack_seed_bytes);
  frame_ = rest.substr(pack_seed_bytes);
}

void PackHead::read_erased(std::string_view rest) {
  Reader reader{rest};
  const std::uint64_t records = reader.varint(), erased = reader.varint();
  std::uint64_t record = 0;
  for (std::uint64_t i = 0; i < erased && !reader.failed; ++i) {
    record += reader.varint();
    const std::uint64_t values = reader.varint();
    if (values > max_values) reader.failed = true;
    std::vector<int>& gone = erased_[record];
    for (std::uint64_t v = 0; v < values && !reader.failed; ++v) gone.push_back(static_cast<int>(reader.varint()) - 1);
  }
  if (reader.failed || records > max_records || erased_.empty() || erased_.size() != erased || record >= records) {
    problem_ = "what was erased from it cannot be read";
    return;
  }
  offsets_.reserve(records);
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < records; ++i) {
    offsets_.push_back(static_cast<std::uint32_t>(at));
    at += erased_.contains(i) ? sizeof(Digest) : pack_salt_bytes;
  }
  proofs_ = reader.bytes(at);
  frame_ = reader.rest;
  if (reader.failed) problem_ = "it is cut off";
}

const std::vector<int>* PackHead::erased(std::uint64_t record) const {
  if (erased_.empty()) return nullptr;
  const auto found = erased_.find(record);
  return found == erased_.end() ? nullptr : &found->second;
}

std::string PackHead::proof(std::uint64_t record) const {
  if (erased_.empty()) return std::string(as_bytes(pack_salt(seed_, record)).substr(0, pack_salt_bytes));
  if (record >= offsets_.size()) return {};  // more records than it says: the root will not hold
  return std::string(proofs_.substr(offsets_[record], erased(record) ? sizeof(Digest) : pack_salt_bytes));
}

void PackHead::add_leaf(MerkleTree& tree, std::string_view text) const {
  if (erased_.empty()) return tree.add(as_bytes(pack_salt(seed_, tree.size())).substr(0, pack_salt_bytes), text);
  const std::string proof = this->proof(tree.size());
  if (!erased(tree.size())) return tree.add(proof, text);
  Digest leaf{};
  std::copy(proof.begin(), proof.end(), leaf.begin());
  tree.add_hash(leaf);
}

bool PackBlocks::next(std::string& block) {
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

bool PackBlocks::fail(const char* what) {
  problem_ = what;
  return false;
}

bool PackBlocks::more() {
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

}  // namespace bfl::ledger
