#include "interpreter/ledger/pack.h"

#include <zstd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

namespace bfl::ledger {
namespace {

constexpr std::string_view magic = "BFP1";
constexpr std::size_t block_bytes = 128u << 10, seed_bytes = 32, salt_bytes = 16, max_queued = 8;
constexpr int zstd_level = 1;

std::string fresh_seed() {
  std::random_device random;
  std::string seed;
  while (seed.size() < seed_bytes) {
    const std::uint32_t word = random();
    seed.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return seed;
}

// RFC 6962 §2.1, leaf by leaf: one pending root per height.
class Tree {
 public:
  void add(std::string_view seed, std::string_view record) {
    const Digest salted = hash_.add(seed).add({reinterpret_cast<const char*>(&count_), sizeof count_}).finish();
    Digest node = hash_.add(std::string_view("\0", 1)).add(as_bytes(salted).substr(0, salt_bytes)).add(record).finish();
    std::uint64_t n = count_++;
    for (; n & 1; n >>= 1) {
      node = parent(pending_.back(), node);
      pending_.pop_back();
    }
    pending_.push_back(node);
  }
  Digest root() {
    if (pending_.empty()) return sha256("");
    Digest node = pending_.back();
    for (std::size_t i = pending_.size() - 1; i-- > 0;) node = parent(pending_[i], node);
    return node;
  }

 private:
  Digest parent(const Digest& left, const Digest& right) {
    return hash_.add(std::string_view("\1", 1)).add(as_bytes(left)).add(as_bytes(right)).finish();
  }
  Hasher hash_;
  std::vector<Digest> pending_;
  std::uint64_t count_ = 0;
};

struct Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  Context() { ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, zstd_level); }
  Context(const Context&) = delete;
  ~Context() { ZSTD_freeCCtx(zstd); }
};

}  // namespace

struct PackWriter::Worker {
  std::mutex mutex;
  std::condition_variable wake, drained;
  std::deque<std::string> blocks;
  bool stopping = false, busy = false;
  // Of the current pack; touched by the thread while it is busy, by finish() when it is not.
  Context context;
  Tree tree;
  std::string seed = fresh_seed();
  std::string out;
  std::int64_t records = 0;
  std::thread thread{[this] { work(); }};

  ~Worker() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    thread.join();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !blocks.empty(); });
      if (blocks.empty()) return;
      const std::string block = std::move(blocks.front());
      blocks.pop_front();
      busy = true;
      lock.unlock();
      digest(block);
      compress(block, ZSTD_e_continue);
      lock.lock();
      busy = false;
      drained.notify_all();
    }
  }

  void digest(std::string_view block) {
    Reader reader{block};
    while (!reader.rest.empty()) {
      tree.add(seed, reader.bytes(reader.varint()));
      ++records;
    }
  }

  void compress(std::string_view block, ZSTD_EndDirective end) {
    ZSTD_inBuffer in{block.data(), block.size(), 0};
    for (;;) {
      const std::size_t before = out.size();
      out.resize(before + ZSTD_CStreamOutSize());
      ZSTD_outBuffer to{out.data() + before, out.size() - before, 0};
      const std::size_t left = ZSTD_compressStream2(context.zstd, &to, &in, end);
      out.resize(before + to.pos);
      if (end == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }

  void hand_over(std::string&& block) {
    std::unique_lock lock(mutex);
    drained.wait(lock, [this] { return blocks.size() < max_queued; });
    blocks.push_back(std::move(block));
    wake.notify_one();
  }

  Pack finish() {
    std::unique_lock lock(mutex);
    drained.wait(lock, [this] { return blocks.empty() && !busy; });
    Pack pack;
    pack.records = records;
    pack.root = tree.root();
    if (records > 0) {
      compress({}, ZSTD_e_end);
      pack.bytes.reserve(magic.size() + seed.size() + out.size());
      pack.bytes.append(magic).append(seed).append(out);
    }
    out.clear();
    tree = Tree();
    seed = fresh_seed();
    records = 0;
    ZSTD_CCtx_reset(context.zstd, ZSTD_reset_session_only);
    return pack;
  }
};

PackWriter::PackWriter() : worker_(std::make_unique<Worker>()) {}
PackWriter::~PackWriter() = default;

void PackWriter::begin_record() { record_.clear(); }

void PackWriter::end_record() {
  put_varint(block_, record_.size());
  block_.append(record_);
  raw_bytes_ += static_cast<std::int64_t>(record_.size());
  if (block_.size() < block_bytes) return;
  worker_->hand_over(std::move(block_));
  block_ = std::string();
  block_.reserve(block_bytes + 4096);
}

void PackWriter::add(const connect::RowChange& change, bool own_table) {
  begin_record();
  record_.push_back(change.kind == connect::ChangeKind::update ? 'u' : change.kind == connect::ChangeKind::insert ? 'i' : 'd');
  const std::string_view table = own_table ? std::string_view() : change.table;
  put_varint(record_, table.size());
  record_.append(table);
  put_varint(record_, static_cast<std::uint64_t>(change.depth));
  put_varint(record_, change.before.size());
  for (const connect::RawValue& value : change.before) put(record_, value);
  if (change.kind == connect::ChangeKind::insert) {
    put_varint(record_, change.after.size());
    for (std::size_t i = 0; i < change.after.size(); ++i) {
      put_varint(record_, i);
      put(record_, change.after[i]);
    }
  } else {
    put_varint(record_, change.changed.size());
    for (int column : change.changed) {
      put_varint(record_, static_cast<std::uint64_t>(column));
      put(record_, change.after[static_cast<std::size_t>(column)]);
    }
  }
  put_varint(record_, 0);
  end_record();
}

void PackWriter::conflict(const Key& key, std::string_view reason) {
  begin_record();
  record_.push_back('c');
  put_varint(record_, 0);
  put_varint(record_, 0);
  put_varint(record_, key.size());
  for (const Stored& value : key) put(record_, value.view());
  put_varint(record_, 0);
  put_varint(record_, reason.size());
  record_.append(reason);
  end_record();
}

Pack PackWriter::finish() {
  if (!block_.empty()) worker_->hand_over(std::move(block_));
  block_ = std::string();
  Pack pack = worker_->finish();
  pack.raw_bytes = raw_bytes_;
  raw_bytes_ = 0;
  return pack;
}

Result<void> read_pack(std::string_view bytes, const Digest& root, const std::function<void(const Record&)>& each) {
  const auto broken = [](const char* what) { return Error{ErrorClass::fatal, std::string("a pack of the ledger does not hold: ") + what, {}, {}}; };
  if (bytes.substr(0, magic.size()) != magic || bytes.size() < magic.size() + seed_bytes) return broken("it does not begin as a pack");
  const std::string_view seed = bytes.substr(magic.size(), seed_bytes), frame = bytes.substr(magic.size() + seed_bytes);
  std::string content, piece(ZSTD_DStreamOutSize(), '\0');
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  for (std::size_t left = 1; left != 0;) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    left = ZSTD_decompressStream(zstd.get(), &to, &in);
    if (ZSTD_isError(left)) return broken("it cannot be decompressed");
    content.append(piece, 0, to.pos);
    if (left != 0 && in.pos == in.size && to.pos < to.size) return broken("it is cut off");
  }
  Tree tree;
  Reader all{content};
  while (!all.rest.empty()) {
    const std::string_view text = all.bytes(all.varint());
    if (all.failed || text.empty()) return broken("a record is cut off");
    tree.add(seed, text);
    Reader reader{text};
    Record record;
    record.kind = reader.bytes(1)[0];
    record.table = std::string(reader.bytes(reader.varint()));
    record.depth = static_cast<int>(reader.varint());
    for (std::uint64_t n = reader.varint(); n > 0 && !reader.failed; --n) record.before.push_back(Stored::of(reader.value()));
    for (std::uint64_t n = reader.varint(); n > 0 && !reader.failed; --n) {
      const int column = static_cast<int>(reader.varint());
      record.after.emplace_back(column, Stored::of(reader.value()));
    }
    record.reason = std::string(reader.bytes(reader.varint()));
    if (reader.failed || !reader.rest.empty()) return broken("a record is not well formed");
    each(record);
  }
  if (tree.root() != root) return broken("its rows do not give the root that the entry names");
  return {};
}

}  // namespace bfl::ledger
