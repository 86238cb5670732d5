#include "interpreter/base/digest.h"

#include <doctest/doctest.h>

using namespace bfl;

TEST_CASE("SHA-256 gives the published digests") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(short_hex(sha256("abc")) == "ba7816bf8f01");
}

TEST_CASE("a hasher starts anew after each digest and can be moved") {
  Hasher hasher;
  hasher.add("a").add("bc");
  CHECK(hasher.finish() == sha256("abc"));
  CHECK(hasher.add("abc").finish() == sha256("abc"));
  Hasher other = std::move(hasher);
  CHECK(other.add("abc").finish() == sha256("abc"));
}

TEST_CASE("a text of any length has one digest, in one piece or byte by byte") {
  Hasher hasher;
  std::string text;
  for (int length = 0; length < 300; ++length) {
    for (const char& byte : text) hasher.add({&byte, 1});
    CHECK(hasher.finish() == sha256(text));
    text += static_cast<char>(length * 7);
  }
}

TEST_CASE("neighbouring fields do not run into each other") {
  Hasher hasher;
  const Digest first = hasher.field("ab").field("c").finish();
  CHECK(first != hasher.field("a").field("bc").finish());
}
