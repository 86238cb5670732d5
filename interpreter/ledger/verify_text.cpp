#include "interpreter/ledger/verify_text.h"

#include <fmt/format.h>

#include <charconv>

#include "interpreter/base/digest.h"
#include "interpreter/base/json.h"
#include "interpreter/ledger/own_sql.h"

namespace bfl::ledger {

using connect::RawValue;

const std::string& in(const EntryFields& fields, std::string_view name) {
  static const std::string none;
  const auto found = fields.find(name);
  return found == fields.end() ? none : found->second;
}

// Values as texts that are equal only when class and bytes are.
std::string shown(const RawValue& value) {
  switch (value.kind) {
    case RawValue::Class::null: return "null";
    case RawValue::Class::integer: return std::to_string(value.integer);
    case RawValue::Class::real: return fmt::format("{} (a real)", value.real);
    case RawValue::Class::text: return valid_utf8(value.bytes) ? fmt::format("`{}`", value.bytes) : "x'" + hex(value.bytes) + "' (a text)";
    case RawValue::Class::blob: return "x'" + hex(value.bytes) + "'";
  }
  return {};
}
std::string as_text(std::string_view value) { return shown(text(value)); }

std::string cut(const std::string& text) {
  constexpr std::size_t most = 100;
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// A key as entries have it: in hex, or by its digest when it was too long for an entry.
std::string in_form_of(const std::string& named, const RawValue& value) {
  if (value.kind != RawValue::Class::blob) return shown(value);
  const std::string whole = hex(value.bytes);
  return named.starts_with("sha256:") ? "sha256:" + hex(sha256(whole)) : whole;
}

std::optional<Key> key_in_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned char byte = 0;
    if (std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16).ec != std::errc()) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return decode_key(bytes);
}

std::optional<Digest> digest_in(std::string_view hex) {
  Digest digest{};
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* from = hex.data() + 2 * i;
    if (std::from_chars(from, from + 2, digest[i], 16).ptr != from + 2) return std::nullopt;
  }
  return digest;
}

}  // namespace bfl::ledger
