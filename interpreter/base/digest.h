// SHA-256 (FIPS 180-4), by OpenSSL: the digest of memo keys, ledger and packs.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bfl {

using Digest = std::array<std::uint8_t, 32>;

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher& add(std::string_view bytes);
  Hasher& field(std::string_view bytes);  // length first, so that neighbouring fields cannot run into each other
  Digest finish();                        // and starts anew

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);
std::array<std::uint8_t, 20> sha1(std::string_view bytes);  // for version 5 uuids and old data only
std::array<std::uint8_t, 16> md5(std::string_view bytes);   // for old data only
std::array<std::uint8_t, 64> sha512(std::string_view bytes);
std::string hex(std::string_view bytes);
std::string hex(const Digest& digest);
std::string short_hex(const Digest& digest);  // 12 digits, for people
std::string_view as_bytes(const Digest& digest);

}  // namespace bfl
