// A stored value that owns its bytes, keys made of such values, and their binary form: in lanes, stages and packs.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::ledger {

struct Stored {
  connect::RawValue::Class kind = connect::RawValue::Class::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes{};

  static Stored of(const connect::RawValue& raw);
  connect::RawValue view() const { return {kind, integer, real, bytes}; }
};
bool same(const connect::RawValue& a, const connect::RawValue& b);  // by class and bytes

using Key = std::vector<Stored>;

// Class and content: integers as zigzag varints, reals as their eight bytes, text and blobs with their length. The forms
// that write to memory need room() bytes there and give the place behind what they wrote.
inline constexpr std::size_t varint_room = 10;
inline std::size_t room(const connect::RawValue& value) { return 1 + varint_room + value.bytes.size(); }
char* put(char* to, const connect::RawValue& value);
char* put_varint(char* to, std::uint64_t number);
void put(std::string& out, const connect::RawValue& value);
void put_varint(std::string& out, std::uint64_t number);
inline std::uint64_t zigzag(std::int64_t number) {
  return (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63);
}
inline std::int64_t unzigzag(std::uint64_t number) {
  return static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1);
}

// Reads what put wrote; a reader that runs over the end is `failed` and gives nulls from then on.
struct Reader {
  std::string_view rest;
  bool failed = false;
  std::uint64_t varint() {  // most are of one byte
    if (rest.empty() || static_cast<unsigned char>(rest.front()) >= 0x80) return long_varint();
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    return byte;
  }
  std::uint64_t long_varint();
  std::string_view bytes(std::size_t count);
  connect::RawValue value();  // views into the text that is read
};

std::string encode(const Key& key);
std::optional<Key> decode_key(std::string_view bytes);
Key key_of(connect::RawRow row, std::size_t columns);
std::vector<connect::RawValue> views(const Key& key);
int compare(const Key& a, const Key& b);  // SQLite's BINARY order: null, numbers, text, blobs
// As an index over such columns sorts them, where it sorts by bytes: those that pad a text do not count.
int compare(const Key& a, const Key& b, const std::vector<lower::Wire>& columns);
std::string display(const Key& key);      // for people: valid UTF-8 on one line, long texts cut

}  // namespace bfl::ledger
