#include "interpreter/ledger/merkle.h"

#include <array>
#include <cstring>

namespace bfl::ledger {

void MerkleTree::add(std::string_view salt, std::string_view content) {
  // In one piece: that is cheaper to hash than the parts one by one.
  leaf_.assign(1, '\0').append(salt).append(content);
  add_hash(sha256(leaf_));
}

void MerkleTree::add_hash(Digest node) {
  for (std::uint64_t n = size_++; n & 1; n >>= 1) {
    node = parent(pending_.back(), node);
    pending_.pop_back();
  }
  pending_.push_back(node);
}

Digest leaf_hash(std::string_view content) { return sha256(std::string(1, '\0').append(content)); }

Digest MerkleTree::root() const {
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
  std::array<char, 1 + 2 * std::tuple_size_v<Digest>> both;
  both[0] = '\1';
  std::memcpy(both.data() + 1, left.data(), left.size());
  std::memcpy(both.data() + 1 + left.size(), right.data(), right.size());
  return sha256({both.data(), both.size()});
}

}  // namespace bfl::ledger
