#include "interpreter/ledger/pack.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>
#include <random>
#include <thread>
#include <utility>

#include "interpreter/ledger/columns.h"
#include "interpreter/ledger/merkle.h"

namespace bfl::ledger {
namespace {

constexpr std::size_t block_bytes = 256u << 10;
constexpr std::size_t max_queued = 6;     // blocks on their way: more would only be memory
constexpr int zstd_level = 1;

[[noreturn]] void no_memory() {
  if (const auto handler = std::get_new_handler()) handler();
  std::abort();
}

std::string fresh_seed() {
  std::random_device random;
  std::string seed;
  while (seed.size() < pack_seed_bytes) {
    const std::uint32_t word = random();
    seed.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return seed;
}

struct Block {
  std::string bytes;
  std::size_t used = 0;
};

}  // namespace

Digest pack_salt(std::string_view seed, std::uint64_t ordinal) {
  std::array<char, pack_seed_bytes + sizeof ordinal> text;
  std::memcpy(text.data(), seed.data(), pack_seed_bytes);
  std::memcpy(text.data() + pack_seed_bytes, &ordinal, sizeof ordinal);
  return sha256({text.data(), text.size()});
}

// What happens to full blocks. The thread is started by the first block that fills: most steps of most jobs never need it.
struct PackWriter::Worker {
  std::mutex mutex;
  std::condition_variable wake, drained;
  std::deque<Block> queue;
  std::vector<std::string> spare;          // memory of blocks that are done
  bool stopping = false, busy = false;
  std::thread thread;
  // Of the pack under way; touched by the thread while it is busy, by finish() when it is not.
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{ZSTD_createCCtx(), ZSTD_freeCCtx};
  MerkleTree tree;
  KeyCollector keys;
  ColumnWriter columns;
  std::string seed = fresh_seed(), out;

  explicit Worker(const std::vector<ImageTable>& tables) : keys(tables) {
    if (!zstd || ZSTD_isError(ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, zstd_level))) no_memory();
  }
  ~Worker() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    if (thread.joinable()) thread.join();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      Block block = std::move(queue.front());
      queue.pop_front();
      busy = true;
      lock.unlock();
      take_in(block);
      lock.lock();
      busy = false;
      spare.push_back(std::move(block.bytes));
      drained.notify_all();
    }
  }

  void take_in(const Block& block) {
    const char* at = block.bytes.data();
    const char* const end = at + block.used;
    while (at < end) {
      std::uint32_t length = 0;
      std::memcpy(&length, at, sizeof length);
      const std::string_view record(at + sizeof length, length);
      tree.add(as_bytes(pack_salt(seed, tree.size())).substr(0, pack_salt_bytes), record);
      columns.add(record);
      keys.add(record);
      at += sizeof length + length;
    }
    keys.end_block();
    const std::string_view turned = columns.finish();
    std::string length;
    put_varint(length, turned.size());
    compress(length, ZSTD_e_continue);
    compress(turned, ZSTD_e_continue);
  }

  void compress(std::string_view bytes, ZSTD_EndDirective end) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      const std::size_t before = out.size(), step = ZSTD_CStreamOutSize();
      if (out.capacity() < before + step) out.reserve(std::max(2 * out.capacity(), before + step));
      out.resize(before + step);
      ZSTD_outBuffer to{out.data() + before, step, 0};
      const std::size_t left = ZSTD_compressStream2(zstd.get(), &to, &in, end);
      if (ZSTD_isError(left)) no_memory();  // nothing else can go wrong in memory
      out.resize(before + to.pos);
      if (end == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }

  // Gives back memory for the next block.
  std::string hand_over(Block&& block) {
    std::unique_lock lock(mutex);
    if (!thread.joinable()) thread = std::thread([this] { work(); });
    drained.wait(lock, [this] { return queue.size() < max_queued; });
    queue.push_back(std::move(block));
    wake.notify_one();
    if (spare.empty()) return {};
    std::string memory = std::move(spare.back());
    spare.pop_back();
    return memory;
  }

  void wait() {
    std::unique_lock lock(mutex);
    drained.wait(lock, [this] { return queue.empty() && !busy; });
  }

  void reset() {
    out.clear();
    if (out.capacity() > (8u << 20)) out.shrink_to_fit();
    tree.clear();
    keys.clear();
    seed = fresh_seed();
    ZSTD_CCtx_reset(zstd.get(), ZSTD_reset_session_only);
  }
};

PackWriter::PackWriter(const std::vector<ImageTable>& tables) : worker_(std::make_unique<Worker>(tables)) {}
PackWriter::~PackWriter() = default;

// This runs for each of millions of rows between two steps of the database: one bound check a record, then plain stores.
char* PackWriter::begin(char kind, std::string_view table, int depth, std::size_t room) {
  room += sizeof(std::uint32_t) + 1 + 4 * varint_room + table.size();
  if (used_ > 0 && used_ + room > block_bytes) {
    block_ = worker_->hand_over({std::move(block_), used_});
    used_ = 0;
  }
  if (block_.size() < used_ + room) block_.resize(std::max(block_bytes, used_ + room));
  record_ = used_;
  char* to = block_.data() + used_ + sizeof(std::uint32_t);
  *to++ = kind;
  to = put_varint(to, table.size());
  if (!table.empty()) std::memcpy(to, table.data(), table.size());
  return put_varint(to + table.size(), static_cast<std::uint64_t>(depth));
}

void PackWriter::end(char* to) {
  used_ = static_cast<std::size_t>(to - block_.data());
  const auto length = static_cast<std::uint32_t>(used_ - record_ - sizeof(std::uint32_t));
  std::memcpy(block_.data() + record_, &length, sizeof length);
  raw_bytes_ += length;
}

void PackWriter::add(const connect::RowChange& change, bool own_table, std::string_view reason) {
  const bool insert = change.kind == connect::ChangeKind::insert;
  std::size_t needed = reason.size() + varint_room;
  for (const connect::RawValue& value : change.before) needed += room(value);
  if (insert)
    for (const connect::RawValue& value : change.after) needed += room(value) + varint_room;
  else
    for (const int column : change.changed) needed += room(change.after[static_cast<std::size_t>(column)]) + varint_room;

  char* to = begin(insert                                       ? 'i'
                   : change.kind == connect::ChangeKind::update ? 'u'
                                                                : 'd',
                   own_table ? std::string_view() : change.table, change.depth, needed);
  to = put_varint(to, change.before.size());
  for (const connect::RawValue& value : change.before) to = put(to, value);
  to = put_varint(to, insert ? change.after.size() : change.changed.size());
  if (insert)
    for (std::size_t i = 0; i < change.after.size(); ++i) to = put(put_varint(to, i), change.after[i]);
  else
    for (const int column : change.changed)
      to = put(put_varint(to, static_cast<std::uint64_t>(column)), change.after[static_cast<std::size_t>(column)]);
  to = put_varint(to, reason.size());
  end(std::copy(reason.begin(), reason.end(), to));
}

void PackWriter::reasoned(char kind, connect::RawRow key, std::string_view reason) {
  std::size_t needed = reason.size();
  for (const connect::RawValue& value : key) needed += room(value);
  char* to = begin(kind, {}, 0, needed);
  to = put_varint(to, key.size());
  for (const connect::RawValue& value : key) to = put(to, value);
  *to++ = 0;  // nothing after
  to = put_varint(to, reason.size());
  end(std::copy(reason.begin(), reason.end(), to));
}

void PackWriter::conflict(connect::RawRow key, std::string_view reason, std::string_view table) {
  reasoned('c', key, reason);
  if (conflicts_.size() < conflicts_named) conflicts_.push_back({key_of(key, key.size()), std::string(reason), std::string(table)});
}
void PackWriter::skip(connect::RawRow key, std::string_view reason) { reasoned('s', key, reason); }
void PackWriter::set_aside(connect::RawRow key, std::string_view reason) { reasoned('q', key, reason); }

void PackWriter::plan(connect::RawRow key, connect::RawRow row, std::span<const int> columns, connect::RawRow values,
                      std::string_view table, std::string_view reason) {
  std::size_t needed = reason.size() + varint_room;
  for (const auto& list : {key, row, values})
    for (const connect::RawValue& value : list) needed += room(value) + varint_room;
  char* to = begin('p', table, 0, needed);
  to = put_varint(to, key.size() + row.size());
  for (const auto& list : {key, row})
    for (const connect::RawValue& value : list) to = put(to, value);
  to = put_varint(to, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) to = put(put_varint(to, static_cast<std::uint64_t>(columns[i])), values[i]);
  to = put_varint(to, reason.size());
  end(std::copy(reason.begin(), reason.end(), to));
}

Pack PackWriter::finish() {
  worker_->wait();
  if (used_ > 0) worker_->take_in({block_.substr(0, used_), used_});
  used_ = 0;
  Pack pack;
  pack.records = static_cast<std::int64_t>(worker_->tree.size());
  pack.raw_bytes = raw_bytes_;
  pack.root = worker_->tree.root();
  pack.keys = worker_->keys.finish();
  pack.conflicts = std::exchange(conflicts_, {});
  raw_bytes_ = 0;
  if (pack.records > 0) {
    worker_->compress({}, ZSTD_e_end);
    pack.bytes.reserve(pack_magic.size() + pack_seed_bytes + worker_->out.size());
    pack.bytes.append(pack_magic).append(worker_->seed).append(worker_->out);
  }
  worker_->reset();
  return pack;
}

void PackWriter::discard() {
  worker_->wait();
  conflicts_.clear();
  used_ = 0;
  raw_bytes_ = 0;
  worker_->reset();
}

}  // namespace bfl::ledger
