#include "interpreter/base/digest.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <utility>

namespace bfl {

namespace {

// Fetching an algorithm walks the provider's tables under a lock, so it is done once. Never freed: hashers may be used
// until the process ends.
const EVP_MD* algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (md == nullptr) std::abort();
  return md;
}

constexpr char hex_digits[] = "0123456789abcdef";

}  // namespace

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    if (context == nullptr) std::abort();
    start();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
  void start() {
    if (EVP_DigestInit_ex2(context, algorithm(), nullptr) != 1) std::abort();
  }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) std::abort();
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
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(state_->context, digest.data(), &size) != 1 || size != digest.size()) std::abort();
  state_->start();
  return digest;
}

Digest sha256(std::string_view bytes) {
  thread_local Hasher hasher;
  return hasher.add(bytes).finish();
}

std::array<std::uint8_t, 20> sha1(std::string_view bytes) {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  std::array<std::uint8_t, 20> digest{};
  unsigned int size = 0;
  if (md == nullptr || EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, md, nullptr) != 1 || size != digest.size())
    std::abort();
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
