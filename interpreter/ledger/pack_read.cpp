#include "interpreter/ledger/columns.h"
#include "interpreter/ledger/merkle.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/pack_frame.h"

namespace bfl::ledger {

bool parse(std::string_view text, Record& record) {
  Reader reader{text};
  record.erased.clear();
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

Result<void> read_pack(std::string_view bytes, const Digest& root, const std::function<bool(const Record&)>& each) {
  KeyCollector none;
  return read_pack(bytes, root, none, each);
}

Result<void> read_blocks(std::string_view bytes, std::span<const std::size_t> wanted, const std::function<void(const Record&)>& each) {
  const PackHead head(bytes);
  if (head.problem()) return broken(head.problem());
  PackBlocks blocks(head.frame());
  std::string block, text;
  Record record;
  std::uint64_t number_of_record = 0;
  for (std::size_t number = 0; !wanted.empty() && blocks.next(block); ++number) {
    if (number != wanted.front()) {
      number_of_record += Reader{block}.varint();  // how many it holds stands first
      continue;
    }
    wanted = wanted.subspan(1);
    ColumnReader reader(block);
    for (; reader.next(text); ++number_of_record) {
      if (!parse(text, record)) return broken("a record is not well formed");
      if (const auto* gone = head.erased(number_of_record)) record.erased = *gone;
      each(record);
    }
    if (reader.failed()) return broken("a block is not well formed");
  }
  return blocks.problem() ? Result<void>{broken(blocks.problem())} : Result<void>{};
}

Result<void> read_pack(std::string_view bytes, const Digest& root, KeyCollector& keys, const std::function<bool(const Record&)>& each) {
  MerkleTree tree;
  if (bytes.empty()) return tree.root() == root ? Result<void>{} : Result<void>{broken("it is missing")};
  const PackHead head(bytes);
  if (head.problem()) return broken(head.problem());
  PackBlocks blocks(head.frame());
  std::string block, text;
  Record record;
  while (blocks.next(block)) {
    ColumnReader reader(block);
    while (reader.next(text)) {
      if (!parse(text, record)) return broken("a record is not well formed");
      if (const auto* gone = head.erased(tree.size())) record.erased = *gone;
      head.add_leaf(tree, text);
      keys.add(text);
      if (!each(record)) return {};
    }
    keys.end_block();
    if (reader.failed()) return broken("a block is not well formed");
  }
  if (blocks.problem()) return broken(blocks.problem());
  if (!head.whole(tree.size()) || tree.root() != root) return broken("its rows do not give the root that the entry names");
  return {};
}

}  // namespace bfl::ledger
