// Values that go out of a pack, and what stays of it: leaves and salts instead of the seed.
#include <algorithm>
#include <set>

#include "interpreter/ledger/columns.h"
#include "interpreter/ledger/pack_frame.h"

namespace bfl::ledger {
namespace {

constexpr int zstd_level = 3;

// A record as a writer of packs writes it.
std::string text_of(const Record& record) {
  std::string out(1, record.kind);
  put_varint(out, record.table.size());
  out += record.table;
  put_varint(out, static_cast<std::uint64_t>(record.depth));
  put_varint(out, record.before.size());
  for (const Stored& value : record.before) put(out, value.view());
  put_varint(out, record.after.size());
  for (const auto& [column, value] : record.after) {
    put_varint(out, static_cast<std::uint64_t>(column));
    put(out, value.view());
  }
  put_varint(out, record.reason.size());
  return out + record.reason;
}

// Planned rows have the key before the row, added ones in place of it that of what caused them.
std::size_t row_begins(const Record& record, std::size_t columns) {
  if (record.kind == 'u' || record.kind == 'd') return 0;
  return record.kind == 'p' && record.before.size() >= columns ? record.before.size() - columns : record.before.size();
}

void blank(Record& record, const std::vector<int>& gone, std::size_t columns) {
  const std::size_t begin = row_begins(record, columns);
  for (const int column : gone) {
    if (column < 0) {
      record.reason.clear();
      continue;
    }
    if (const std::size_t at = begin + static_cast<std::size_t>(column); at < record.before.size()) record.before[at] = {};
    for (auto& [of, value] : record.after)
      if (of == column) value = {};
  }
}

class Frame {
 public:
  void add(std::string_view block) {
    std::string length;
    put_varint(length, block.size());
    compress(length, ZSTD_e_continue);
    compress(block, ZSTD_e_continue);
  }
  std::string finish() {
    compress({}, ZSTD_e_end);
    return failed_ ? std::string() : std::move(out_);
  }

 private:
  void compress(std::string_view bytes, ZSTD_EndDirective end) {
    if (out_.empty() && !failed_) failed_ = !zstd_ || ZSTD_isError(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, zstd_level));
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::string piece(ZSTD_CStreamOutSize(), '\0');
    while (!failed_) {
      ZSTD_outBuffer to{piece.data(), piece.size(), 0};
      const std::size_t left = ZSTD_compressStream2(zstd_.get(), &to, &in, end);
      failed_ = ZSTD_isError(left);
      out_.append(piece, 0, to.pos);
      if (end == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd_{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::string out_{};
  bool failed_ = false;
};

}  // namespace

Result<Erased> erase(std::string_view bytes, const Digest& root, std::size_t columns, const std::function<std::vector<int>(const Record&)>& wanted) {
  const PackHead head(bytes);
  if (head.problem()) return broken(head.problem());
  // Most packs hold nothing of it: they are proved, and not written again.
  bool any = false;
  if (auto held = read_pack(bytes, root, [&](const Record& record) { return !(any = !wanted(record).empty()); }); !held) return held.error();
  if (!any) return Erased{};
  PackBlocks blocks(head.frame());
  MerkleTree tree;
  Frame frame;
  ColumnWriter turned;
  Erased made;
  std::map<std::uint64_t, std::vector<int>> gone = head.all_erased();
  std::string block, text, proofs;
  Record record;
  while (blocks.next(block)) {
    ColumnReader reader(block);
    while (reader.next(text)) {
      if (!parse(text, record)) return broken("a record is not well formed");
      const std::uint64_t number = tree.size();
      const std::vector<int>* before = head.erased(number);
      if (before) record.erased = *before;
      head.add_leaf(tree, text);
      std::set<int> all(record.erased.begin(), record.erased.end());
      for (const int column : wanted(record)) all.insert(column);
      if (all.size() == record.erased.size()) {
        proofs += head.proof(number);
      } else {
        ++made.records;
        gone[number].assign(all.begin(), all.end());
        proofs += before ? head.proof(number) : std::string(as_bytes(leaf_hash(head.proof(number) + text)));
        blank(record, gone[number], columns);
        text = text_of(record);
      }
      turned.add(text);
    }
    if (reader.failed()) return broken("a block is not well formed");
    frame.add(turned.finish());
  }
  if (blocks.problem()) return broken(blocks.problem());
  if (!head.whole(tree.size()) || tree.root() != root) return broken("its rows do not give the root that the entry names");
  if (made.records == 0) return made;
  made.bytes = erased_magic;
  put_varint(made.bytes, tree.size());
  put_varint(made.bytes, gone.size());
  std::uint64_t last = 0;
  for (const auto& [number, values] : gone) {
    put_varint(made.bytes, number - last);
    last = number;
    put_varint(made.bytes, values.size());
    for (const int column : values) put_varint(made.bytes, static_cast<std::uint64_t>(column + 1));
  }
  const std::string packed = frame.finish();
  if (packed.empty()) return broken("it cannot be compressed");
  made.bytes += proofs;
  made.bytes += packed;
  return made;
}

}  // namespace bfl::ledger
