#include "interpreter/ledger/stored.h"

#include <cmath>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "interpreter/base/digest.h"
#include "interpreter/ledger/key_parts.h"

namespace bfl::ledger {

using connect::RawValue;
using Class = RawValue::Class;

Stored Stored::of(const RawValue& raw) { return {raw.kind, raw.integer, raw.real, std::string(raw.bytes)}; }

bool same(const RawValue& a, const RawValue& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Class::null: return true;
    case Class::integer: return a.integer == b.integer;
    case Class::real: return std::memcmp(&a.real, &b.real, sizeof a.real) == 0;
    default: return a.bytes == b.bytes;
  }
}

char* put_varint(char* to, std::uint64_t number) {
  while (number >= 0x80) {
    *to++ = static_cast<char>(number | 0x80);
    number >>= 7;
  }
  *to++ = static_cast<char>(number);
  return to;
}

char* put(char* to, const RawValue& value) {
  *to++ = static_cast<char>(value.kind);
  switch (value.kind) {
    case Class::null: break;
    case Class::integer: return put_varint(to, zigzag(value.integer));
    case Class::real:
      std::memcpy(to, &value.real, sizeof value.real);
      return to + sizeof value.real;
    case Class::text: case Class::blob:
      to = put_varint(to, value.bytes.size());
      if (!value.bytes.empty()) std::memcpy(to, value.bytes.data(), value.bytes.size());
      return to + value.bytes.size();
  }
  return to;
}

void put_varint(std::string& out, std::uint64_t number) {
  char bytes[varint_room];
  out.append(bytes, put_varint(bytes, number));
}

void put(std::string& out, const RawValue& value) {
  const std::size_t before = out.size();
  out.resize(before + room(value));
  out.resize(static_cast<std::size_t>(put(out.data() + before, value) - out.data()));
}

std::uint64_t Reader::long_varint() {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest.empty()) break;
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return number;
  }
  failed = true;
  return 0;
}

std::string_view Reader::bytes(std::size_t count) {
  if (count > rest.size()) {
    failed = true;
    rest = {};
    return {};
  }
  const std::string_view taken = rest.substr(0, count);
  rest.remove_prefix(count);
  return taken;
}

RawValue Reader::value() {
  RawValue value;
  if (failed || rest.empty() || static_cast<unsigned char>(rest.front()) > static_cast<unsigned char>(Class::blob)) {
    failed = true;
    return value;
  }
  value.kind = static_cast<Class>(rest.front());
  rest.remove_prefix(1);
  switch (value.kind) {
    case Class::null: break;
    case Class::integer: value.integer = unzigzag(varint()); break;
    case Class::real: {
      const std::string_view content = bytes(sizeof value.real);
      if (!failed) std::memcpy(&value.real, content.data(), sizeof value.real);
      break;
    }
    case Class::text: case Class::blob: value.bytes = bytes(varint()); break;
  }
  return value;
}

std::string encode(const Key& key) {
  std::string out;
  for (const Stored& value : key) put(out, value.view());
  return out;
}

std::optional<Key> decode_key(std::string_view bytes) {
  Reader reader{bytes};
  Key key;
  while (!reader.rest.empty()) {
    key.push_back(Stored::of(reader.value()));
    if (reader.failed) return std::nullopt;
  }
  return key;
}

Key key_of(connect::RawRow row, std::size_t columns) {
  Key key;
  for (std::size_t i = 0; i < columns; ++i) key.push_back(Stored::of(row[i]));
  return key;
}

std::vector<RawValue> views(const Key& key) {
  std::vector<RawValue> all;
  for (const Stored& value : key) all.push_back(value.view());
  return all;
}

namespace {

int rank(Class kind) { return kind == Class::null ? 0 : kind == Class::text ? 2 : kind == Class::blob ? 3 : 1; }
template <class T> int sign(T a, T b) { return a < b ? -1 : a > b ? 1 : 0; }

int compare(const Stored& a, const Stored& b) {
  if (rank(a.kind) != rank(b.kind)) return sign(rank(a.kind), rank(b.kind));
  if (a.kind == Class::null) return 0;
  if (rank(a.kind) > 1) return sign(a.bytes.compare(b.bytes), 0);
  if (a.kind == Class::integer && b.kind == Class::integer) return sign(a.integer, b.integer);
  // PostgreSQL's order: NaN behind all numbers, and equal to itself.
  const auto nan = [](const Stored& v) { return v.kind == Class::real && std::isnan(v.real); };
  if (nan(a) || nan(b)) return sign(nan(a), nan(b));
  const auto wide = [](const Stored& v) {
    return v.kind == Class::integer ? static_cast<long double>(v.integer) : static_cast<long double>(v.real);
  };
  return sign(wide(a), wide(b));
}

}  // namespace

int compare(const Key& a, const Key& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (const int order = compare(a[i], b[i])) return order;
  return sign(a.size(), b.size());
}

int compare(const Key& a, const Key& b, const std::vector<lower::Wire>& columns) {
  if (std::none_of(columns.begin(), columns.end(), [](const lower::Wire& column) { return column.padded >= 0; })) return compare(a, b);
  const auto without_padding = [&](Key key) {
    for (std::size_t i = 0; i < key.size() && i < columns.size(); ++i)
      if (columns[i].padded >= 0) key[i].bytes.resize(key[i].bytes.find_last_not_of(' ') + 1);
    return key;
  };
  return compare(without_padding(a), without_padding(b));
}

namespace {

// A text key may be anything and of any length: shown it is one short line.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 80;
  if (!valid_utf8(text)) return "x'" + hex(text.substr(0, most / 2)) + (text.size() > most / 2 ? "…'" : "'");
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (out.size() >= most && (byte & 0xc0) != 0x80) return out + "…";
    if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\x{:02x}", byte);
    else out += c;
  }
  return out;
}

}  // namespace

std::string display(const Key& key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const Stored& value = key[i];
    if (i > 0) out += ", ";
    switch (value.kind) {
      case Class::null: out += "null"; break;
      case Class::integer: out += std::to_string(value.integer); break;
      case Class::real: out += fmt::format("{}", value.real); break;
      case Class::text: out += key.size() > 1 ? key_part(shown(value.bytes)) : shown(value.bytes); break;
      case Class::blob: out += "x'" + hex(std::string_view(value.bytes).substr(0, 40)) + (value.bytes.size() > 40 ? "…'" : "'"); break;
    }
  }
  return out;
}

}  // namespace bfl::ledger
