// The Merkle tree hash of RFC 6962 section 2.1, grown leaf by leaf: at any time it keeps one root per height only.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/digest.h"

namespace bfl::ledger {

class MerkleTree {
 public:
  // A leaf is SHA-256(0 ‖ salt ‖ content); without salt, that of the RFC.
  void add(std::string_view salt, std::string_view content);
  void add_hash(Digest leaf);  // of a leaf
  std::uint64_t size() const { return size_; }
  Digest root() const;   // SHA-256 of nothing for the empty tree
  void clear();

 private:
  static Digest parent(const Digest& left, const Digest& right);
  std::string leaf_;             // under way; its memory is kept
  std::vector<Digest> pending_;  // roots of the full subtrees, largest first
  std::uint64_t size_ = 0;
};

Digest leaf_hash(std::string_view content);  // without salt

}  // namespace bfl::ledger
