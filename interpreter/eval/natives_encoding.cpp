// stdlib/text.bfl: bytes as texts, digests, and names made of numbers.
#include <algorithm>
#include <array>

#include "interpreter/base/digest.h"
#include "interpreter/eval/native_rows.h"
#include "interpreter/eval/utf8.h"

namespace bfl::eval {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Outcome hex_of(std::string_view bytes) {
  if (bytes.size() > max_text_bytes / 2) return text_too_long();
  return Value(hex(bytes));
}

Outcome unhex(Args args) {
  const std::string& s = text_at(args, 0);
  std::string out;
  for (std::size_t i = 0; i + 1 < s.size(); i += 2) {
    const int high = hex_value(s[i]), low = hex_value(s[i + 1]);
    if (high < 0 || low < 0) return Failure{shown(s) + " is not a row of pairs of hexadecimal digits"};
    out += static_cast<char>(high << 4 | low);
  }
  if (s.size() % 2 != 0) return Failure{shown(s) + " is not a row of pairs of hexadecimal digits"};
  return Value(Bytes{std::move(out)});
}

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Outcome base64_of(std::string_view bytes) {
  if (bytes.size() > max_text_bytes / 4 * 3) return text_too_long();
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= count ? alphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return Value(std::move(out));
}

int base64_value(char c) {
  if (c == '-') return 62;
  if (c == '_') return 63;
  const std::size_t at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

Outcome unbase64(Args args) {
  std::string_view s = text_at(args, 0);
  const auto bad = [&] { return Failure{shown(text_at(args, 0)) + " is not base64"}; };
  std::size_t padding = 0;
  while (!s.empty() && s.back() == '=') {
    s.remove_suffix(1);
    ++padding;
  }
  if (s.size() % 4 == 1 || padding > 2 || (padding > 0 && (s.size() + padding) % 4 != 0)) return bad();
  std::string out;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : s) {
    const int value = base64_value(c);
    if (value < 0) return bad();
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(group >> bits & 0xff);
    }
  }
  if ((group & ((1U << bits) - 1)) != 0) return bad();  // two texts must not stand for the same bytes
  return Value(Bytes{std::move(out)});
}

constexpr std::string_view base32_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", base32_hex_alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

Outcome base32_of(std::string_view bytes, std::string_view digits) {
  if (bytes.size() > max_text_bytes / 8 * 5) return text_too_long();
  std::string out;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : bytes) {
    group = (group << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) out += digits[group >> (bits - 5) & 31];
  }
  if (bits > 0) out += digits[group << (5 - bits) & 31];
  out.append((8 - out.size() % 8) % 8, '=');
  return Value(std::move(out));
}

std::optional<Bytes> read_base32(std::string_view s, std::string_view digits) {
  const std::size_t whole = s.size();
  while (!s.empty() && s.back() == '=') s.remove_suffix(1);
  const std::size_t padding = whole - s.size(), last = s.size() % 8;
  if (last == 1 || last == 3 || last == 6 || (padding > 0 && (padding > 6 || whole % 8 != 0))) return std::nullopt;
  Bytes out;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : s) {
    const std::size_t value = digits.find(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    if (value == std::string_view::npos) return std::nullopt;
    group = (group << 5 | static_cast<std::uint32_t>(value)) & 0xffff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.data += static_cast<char>(group >> bits & 0xff);
    }
  }
  if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;  // two texts must not stand for the same bytes
  return out;
}

template <const std::string_view& digits, bool or_null_on_failure>
Outcome unbase32(Args args) {
  auto bytes = read_base32(text_at(args, 0), digits);
  if (bytes || or_null_on_failure) return or_null(std::move(bytes));
  return Failure{shown(text_at(args, 0)) + " is not base32" + (digits == base32_hex_alphabet ? " in the extended hex alphabet" : "")};
}

Outcome letters(Args args) {
  std::int64_t n = int_at(args, 0);
  if (n < 1) return Failure{"letters begin at 1, found " + std::to_string(n)};
  std::string out;
  for (; n > 0; n = (n - 1) / 26) out += static_cast<char>('a' + (n - 1) % 26);
  std::reverse(out.begin(), out.end());
  return Value(std::move(out));
}

template <std::size_t size>
Outcome hex_of_digest(const std::array<std::uint8_t, size>& digest) {
  return Value(hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size())));
}

// The first 48 bits of the digest, of 2^48: few enough digits to be exact.
Outcome random_of(Args args) {
  const Digest digest = sha256(text_at(args, 0));
  std::int64_t bits = 0;
  for (std::size_t i = 0; i < 6; ++i) bits = bits << 8 | digest[i];
  const auto scaled = multiply(Decimal(bits), Decimal(1'000'000'000'000));
  const auto quotient = scaled ? divide(*scaled, Decimal(std::int64_t{1} << 48)) : std::nullopt;
  return decimal_outcome(quotient ? divide(quotient->rounded(0, Rounding::floor), Decimal(1'000'000'000'000)) : std::nullopt);
}

// Digits of a number in any base: as many as the alphabet has characters. Bytes are one large number, the first the highest.
std::optional<std::vector<std::string>> digits_of(const std::string& written, Outcome& failed) {
  std::vector<std::string> digits;
  for (std::size_t at = 0; at < written.size();) {
    const std::size_t begin = at;
    next_code(written, at);
    digits.push_back(written.substr(begin, at - begin));
    if (std::find(digits.begin(), digits.end() - 1, digits.back()) == digits.end() - 1) continue;
    failed = Failure{"the alphabet " + shown(written) + " has a digit twice"};
    return std::nullopt;
  }
  if (digits.size() >= 2 && digits.size() <= 256) return digits;
  failed = Failure{"an alphabet has 2 to 256 digits, found " + std::to_string(digits.size())};
  return std::nullopt;
}

Outcome number_to_digits(Args args) {
  Outcome failed;
  const auto digits = digits_of(text_at(args, 1), failed);
  if (!digits) return failed;
  std::int64_t n = int_at(args, 0);
  if (n < 0) return Failure{"digits are written of numbers from 0 on, found " + std::to_string(n)};
  std::vector<std::size_t> places;
  const auto base = static_cast<std::int64_t>(digits->size());
  do places.push_back(static_cast<std::size_t>(n % base));
  while ((n /= base) > 0);
  std::string out;
  for (std::size_t i = places.size(); i-- > 0;) out += (*digits)[places[i]];
  return Value(std::move(out));
}

Outcome bytes_to_digits(Args args) {
  constexpr std::size_t most = 4096;  // the work grows with the square
  Outcome failed;
  const auto digits = digits_of(text_at(args, 1), failed);
  if (!digits) return failed;
  const std::string& bytes = args[0].as<Bytes>().data;
  if (bytes.size() > most) return Failure{"digits are written of up to 4096 bytes, found " + std::to_string(bytes.size())};
  std::vector<std::uint32_t> places{0};  // the lowest first
  const auto base = static_cast<std::uint32_t>(digits->size());
  for (const char c : bytes) {
    std::uint32_t carry = static_cast<unsigned char>(c);
    for (std::uint32_t& place : places) {
      carry += place << 8;
      place = carry % base;
      carry /= base;
    }
    for (; carry > 0; carry /= base) places.push_back(carry % base);
  }
  std::string out;
  for (std::size_t i = places.size(); i-- > 0;) out += (*digits)[places[i]];
  return Value(std::move(out));
}

Outcome from_digits(Args args) {
  Outcome failed;
  const auto digits = digits_of(text_at(args, 1), failed);
  if (!digits) return failed;
  const std::string& s = text_at(args, 0);
  std::int64_t n = 0;
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t begin = at;
    next_code(s, at);
    const auto found = std::find(digits->begin(), digits->end(), s.substr(begin, at - begin));
    if (found == digits->end()) return Failure{shown(s) + " holds a character that is none of the digits " + shown(text_at(args, 1))};
    if (__builtin_mul_overflow(n, static_cast<std::int64_t>(digits->size()), &n) || __builtin_add_overflow(n, found - digits->begin(), &n))
      return Failure{shown(s) + " does not fit 64 bits"};
  }
  if (s.empty()) return Failure{"no digits"};
  return Value(n);
}

// RFC 2104.
Outcome hmac_sha256(Args args) {
  constexpr std::size_t block = 64;
  std::string key = text_at(args, 0);
  if (key.size() > block) key = std::string(as_bytes(sha256(key)));
  key.resize(block, '\0');
  std::string inner = key, outer = key;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  const Digest digest = sha256(inner + text_at(args, 1));
  return Value(hex(sha256(outer + std::string(as_bytes(digest)))));
}

Outcome crc32(Args args) {
  std::uint32_t sum = 0xffffffff;
  for (const char c : text_at(args, 0)) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? 0xedb88320U : 0U);
  }
  return Value(static_cast<std::int64_t>(sum ^ 0xffffffff));
}

Outcome uuid_v5(Args args) {
  const auto space = parse_uuid(text_at(args, 0));
  if (!space) return Failure{shown(text_at(args, 0)) + " is not a uuid"};
  const auto digest = sha1(std::string(reinterpret_cast<const char*>(space->data.data()), space->data.size()) + text_at(args, 1));
  Uuid uuid;
  std::copy_n(digest.begin(), uuid.data.size(), uuid.data.begin());
  uuid.data[6] = static_cast<std::uint8_t>((uuid.data[6] & 0x0f) | 0x50);
  uuid.data[8] = static_cast<std::uint8_t>((uuid.data[8] & 0x3f) | 0x80);
  return Value(uuid);
}

constexpr NativeRow rows[] = {
    {"hex(bytes)", [](Args a) { return hex_of(a[0].as<Bytes>().data); }},
    {"hex(text)", [](Args a) { return hex_of(text_at(a, 0)); }},
    {"unhex(text)", unhex},
    {"base64(bytes)", [](Args a) { return base64_of(a[0].as<Bytes>().data); }},
    {"base64(text)", [](Args a) { return base64_of(text_at(a, 0)); }},
    {"unbase64(text)", unbase64},
    {"base32(bytes)", [](Args a) { return base32_of(a[0].as<Bytes>().data, base32_alphabet); }},
    {"base32(text)", [](Args a) { return base32_of(text_at(a, 0), base32_alphabet); }},
    {"unbase32(text)", unbase32<base32_alphabet, false>},
    {"try_unbase32(text)", unbase32<base32_alphabet, true>},
    {"base32_hex(bytes)", [](Args a) { return base32_of(a[0].as<Bytes>().data, base32_hex_alphabet); }},
    {"base32_hex(text)", [](Args a) { return base32_of(text_at(a, 0), base32_hex_alphabet); }},
    {"unbase32_hex(text)", unbase32<base32_hex_alphabet, false>},
    {"try_unbase32_hex(text)", unbase32<base32_hex_alphabet, true>},
    {"sha256(text)", [](Args a) -> Outcome { return Value(hex(sha256(text_at(a, 0)))); }},
    {"sha256(bytes)", [](Args a) -> Outcome { return Value(hex(sha256(a[0].as<Bytes>().data))); }},
    {"sha512(text)", [](Args a) { return hex_of_digest(sha512(text_at(a, 0))); }},
    {"sha512(bytes)", [](Args a) { return hex_of_digest(sha512(a[0].as<Bytes>().data)); }},
    {"sha1(bytes)", [](Args a) { return hex_of_digest(sha1(a[0].as<Bytes>().data)); }},
    {"sha1(text)", [](Args a) { return hex_of_digest(sha1(text_at(a, 0))); }},
    {"md5(text)", [](Args a) { return hex_of_digest(md5(text_at(a, 0))); }},
    {"md5(bytes)", [](Args a) { return hex_of_digest(md5(a[0].as<Bytes>().data)); }},
    {"random_of(text)", random_of},
    {"to_digits(int,text)", number_to_digits},
    {"to_digits(bytes,text)", bytes_to_digits},
    {"from_digits(text,text)", from_digits},
    {"hmac_sha256(text,text)", hmac_sha256},
    {"crc32(text)", crc32},
    {"letters(int)", letters},
    {"uuid_v5(text,text)", uuid_v5},
};

}  // namespace

std::span<const NativeRow> encoding_rows() { return rows; }

}  // namespace bfl::eval
