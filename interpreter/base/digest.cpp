// OpenSSL's SHA-256 is called directly, though its newer interface (EVP) is the recommended one: the ledger hashes millions of
// texts of 40 to 200 bytes, for which EVP costs nearly as much again as the hash itself, and a first call of EVP reads
// OpenSSL's configuration, which is a good part of the time that the run of a finished job takes.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "interpreter/base/digest.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstring>
#include <utility>

namespace bfl {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

// The highest byte first.
void store(unsigned char* to, std::uint32_t word) {
  to[0] = static_cast<unsigned char>(word >> 24);
  to[1] = static_cast<unsigned char>(word >> 16);
  to[2] = static_cast<unsigned char>(word >> 8);
  to[3] = static_cast<unsigned char>(word);
}

}  // namespace

struct Hasher::State {
  SHA256_CTX context{};
  State() { SHA256_Init(&context); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add(std::string_view bytes) {
  SHA256_Update(&state_->context, bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::field(std::string_view bytes) {
  std::array<char, 8> length{};
  auto size = static_cast<std::uint64_t>(bytes.size());
  for (char& byte : length) {
    byte = static_cast<char>(size & 0xff);
    size >>= 8;
  }
  add(std::string_view(length.data(), length.size()));
  return add(bytes);
}

Digest Hasher::finish() {
  Digest digest{};
  SHA256_Final(digest.data(), &state_->context);
  SHA256_Init(&state_->context);
  return digest;
}

// Blocks are handed over as they lie, and the last one is padded here: half the time of Update and Final for short texts.
Digest sha256(std::string_view bytes) {
  constexpr std::size_t block = SHA256_CBLOCK, length_bytes = 8;
  SHA256_CTX context;
  SHA256_Init(&context);
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= block; left -= block, at += block) SHA256_Transform(&context, at);
  // What is left, a bit, zeros, and the length in bits.
  unsigned char last[2 * block] = {};
  if (left > 0) std::memcpy(last, at, left);
  last[left] = 0x80;
  const std::size_t padded = left + 1 + length_bytes <= block ? block : 2 * block;
  const std::uint64_t bits = std::uint64_t{bytes.size()} << 3;
  store(last + padded - 8, static_cast<std::uint32_t>(bits >> 32));
  store(last + padded - 4, static_cast<std::uint32_t>(bits));
  for (std::size_t i = 0; i < padded; i += block) SHA256_Transform(&context, last + i);
  Digest digest;
  for (std::size_t i = 0; i < digest.size() / 4; ++i) store(digest.data() + 4 * i, context.h[i]);
  return digest;
}

std::array<std::uint8_t, 20> sha1(std::string_view bytes) {
  std::array<std::uint8_t, 20> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::array<std::uint8_t, 16> md5(std::string_view bytes) {
  std::array<std::uint8_t, 16> digest{};
  MD5(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::array<std::uint8_t, 64> sha512(std::string_view bytes) {
  std::array<std::uint8_t, 64> digest{};
  SHA512(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::string hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
  }
  return out;
}

std::string hex(const Digest& digest) { return hex(as_bytes(digest)); }
std::string short_hex(const Digest& digest) { return hex(as_bytes(digest).substr(0, 6)); }

std::string_view as_bytes(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

}  // namespace bfl
