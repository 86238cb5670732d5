#include "interpreter/ledger/merkle.h"

namespace bfl::ledger {

void MerkleTree::add(std::string_view salt, std::string_view content) {
  Digest node = hash_.add(std::string_view("\0", 1)).add(salt).add(content).finish();
  for (std::uint64_t n = size_++; n & 1; n >>= 1) {
    node = parent(pending_.back(), node);
    pending_.pop_back();
  }
  pending_.push_back(node);
}

Digest MerkleTree::root() {
  if (pending_.empty()) return sha256("");
  Digest node = pending_.back();
  for (std::size_t i = pending_.size() - 1; i-- > 0;) node = parent(pending_[i], node);
  return node;
}

void MerkleTree::clear() {
  pending_.clear();
  size_ = 0;
}

Digest MerkleTree::parent(const Digest& left, const Digest& right) {
  return hash_.add(std::string_view("\1", 1)).add(as_bytes(left)).add(as_bytes(right)).finish();
}

}  // namespace bfl::ledger
