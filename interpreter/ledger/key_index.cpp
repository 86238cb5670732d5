#include "interpreter/ledger/key_index.h"

#include <algorithm>
#include <cstring>

#include "interpreter/base/digest.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {
namespace {

using connect::RawValue;
using Class = RawValue::Class;

constexpr std::size_t longest = 64;          // bytes of an end of a range
constexpr std::uint64_t bits_per_key = 10;
constexpr int probes = 7;

void put_big_endian(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

void put_sortable(std::string& out, const RawValue& value) {
  constexpr std::uint64_t top = std::uint64_t{1} << 63;
  out += static_cast<char>(1 + static_cast<int>(value.kind));
  switch (value.kind) {
    case Class::null: break;
    case Class::integer: put_big_endian(out, static_cast<std::uint64_t>(value.integer) ^ top); break;
    case Class::real: {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &value.real, sizeof bits);
      put_big_endian(out, bits & top ? ~bits : bits | top);
      break;
    }
    case Class::text: case Class::blob:
      for (const char c : value.bytes) {
        out += c;
        if (c == '\0') out += '\xff';
      }
      out.append(2, '\0');
      break;
  }
}

// FNV-1a, stirred: the same on every machine.
std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

template <class Each>
void each_bit(std::uint64_t hash, std::uint64_t bits, Each&& each) {
  const std::uint64_t step = (hash >> 32) | 1;
  for (int i = 0; i < probes; ++i, hash += step) each(hash % bits);
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

}  // namespace

std::string sortable(connect::RawRow key) {
  std::string form;
  for (const RawValue& value : key) put_sortable(form, value);
  return form;
}

std::string lower_end(std::string key) {
  if (key.size() > longest) key.resize(longest);
  return key;
}
std::string upper_end(std::string key) {
  if (key.size() > longest) {
    key.resize(longest);
    key += '\xff';
  }
  return key;
}

std::string key_index_digest(const std::vector<KeyIndex>& all) {
  Hasher hasher;
  for (const KeyIndex& index : all) hasher.field(index.table).field(index.low).field(index.high).field(index.detail);
  return hex(hasher.finish());
}

KeyCollector::KeyCollector(const std::vector<ImageTable>& tables) {
  for (const ImageTable& table : tables) {
    Kept& kept = kept_.emplace_back();
    kept.table = table;
    kept.moves = table.key_moves();
    for (const int column : table.key) kept.last_column = std::max(kept.last_column, column);
  }
}

void KeyCollector::add(Kept& kept, connect::RawRow key) {
  form_.clear();
  for (const RawValue& value : key) put_sortable(form_, value);
  const bool integer = key.size() == 1 && key[0].kind == Class::integer;
  if (!integer || (!kept.hashes.empty() && key[0].integer - 1 != kept.previous)) kept.dense = false;
  if (integer) kept.previous = key[0].integer;
  kept.hashes.push_back(hash_of(form_));
  if (kept.blocks.empty() || kept.blocks.back().number != block_) {
    kept.blocks.push_back({block_, form_, form_});
  } else {
    Block& block = kept.blocks.back();
    if (form_ < block.low) block.low = form_;
    if (form_ > block.high) block.high = form_;
  }
}

void KeyCollector::add(std::string_view record) {
  if (kept_.empty()) return;
  Reader reader{record};
  const std::string_view kind = reader.bytes(1), table = reader.bytes(reader.varint());
  if (kind.empty() || (kind[0] != 'u' && kind[0] != 'i' && kind[0] != 'd')) return;
  const auto found = table.empty() ? kept_.begin() : std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.table.name == table; });
  if (found == kept_.end() || found->table.key.empty()) return;
  (void)reader.varint();
  const std::uint64_t before = reader.varint();
  const auto last = static_cast<std::size_t>(found->last_column);
  const auto read_key = [&] {
    key_.clear();
    for (const int column : found->table.key) key_.push_back(static_cast<std::size_t>(column) < row_.size() ? row_[static_cast<std::size_t>(column)] : RawValue{});
  };
  row_.clear();
  const bool insert = kind[0] == 'i', moves = insert || (kind[0] == 'u' && found->moves);
  for (std::uint64_t i = 0; i < before && (moves || i <= last); ++i) {
    const RawValue value = reader.value();
    if (i <= last) row_.push_back(value);
  }
  if (!insert) {
    read_key();
    add(*found, key_);
  }
  if (!moves) return;
  bool moved = insert;
  if (insert) row_.clear();
  row_.resize(last + 1);
  for (std::uint64_t n = reader.varint(); n > 0 && !reader.failed; --n) {
    const std::uint64_t column = reader.varint();
    const RawValue value = reader.value();
    if (column > last) continue;
    moved |= std::find(found->table.key.begin(), found->table.key.end(), static_cast<int>(column)) != found->table.key.end();
    row_[column] = value;
  }
  if (!moved) return;
  read_key();
  add(*found, key_);
}

std::vector<KeyIndex> KeyCollector::finish() {
  std::vector<KeyIndex> all;
  for (const Kept& kept : kept_) {
    if (kept.hashes.empty()) continue;
    KeyIndex& index = all.emplace_back();
    index.table = kept.table.name;
    std::string low = kept.blocks[0].low, high = kept.blocks[0].high;
    put_varint(index.detail, kept.blocks.size());
    for (const Block& block : kept.blocks) {
      low = std::min(low, block.low);
      high = std::max(high, block.high);
      put_varint(index.detail, block.number);
      put_text(index.detail, lower_end(block.low));
      put_text(index.detail, upper_end(block.high));
    }
    index.low = lower_end(low);
    index.high = upper_end(high);
    if (kept.dense) continue;
    std::string filter((kept.hashes.size() * bits_per_key + 7) / 8, '\0');
    for (const std::uint64_t hash : kept.hashes)
      each_bit(hash, filter.size() * 8, [&](std::uint64_t bit) { filter[bit / 8] = static_cast<char>(filter[bit / 8] | (1 << (bit % 8))); });
    index.detail += filter;
  }
  clear();
  return all;
}

void KeyCollector::clear() {
  for (Kept& kept : kept_) {
    kept.blocks.clear();
    kept.hashes.clear();
    kept.dense = true;
  }
  block_ = 0;
}

std::optional<std::vector<std::size_t>> blocks_with(std::string_view detail, std::string_view key) {
  Reader reader{detail};
  std::vector<std::size_t> blocks;
  for (std::uint64_t n = reader.varint(); n > 0 && !reader.failed; --n) {
    const auto number = static_cast<std::size_t>(reader.varint());
    const std::string_view low = reader.bytes(reader.varint()), high = reader.bytes(reader.varint());
    if (!(key < low) && !(high < key)) blocks.push_back(number);
  }
  if (blocks.empty()) return std::nullopt;
  bool may = true;
  if (const std::string_view filter = reader.rest; !filter.empty())
    each_bit(hash_of(key), filter.size() * 8, [&](std::uint64_t bit) { may = may && (filter[bit / 8] >> (bit % 8) & 1); });
  return may ? std::optional(std::move(blocks)) : std::nullopt;
}

}  // namespace bfl::ledger
