#include "interpreter/base/signed_note.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "interpreter/base/digest.h"

namespace bfl {
namespace {

constexpr char ed25519 = 1, timed_ed25519 = 4;  // the type of the key, as notes number them
constexpr std::size_t time_bytes = 8;
constexpr std::size_t signature_bytes = 64;
constexpr std::string_view dash = "\u2014 ", private_prefix = "PRIVATE+KEY+";

using KeyHandle = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ContextHandle = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::string_view bytes_of(const std::array<std::uint8_t, 32>& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
const unsigned char* unsigned_of(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

std::string big_endian(std::uint64_t number, std::size_t size) {
  std::string bytes;
  for (std::size_t left = size; left-- > 0;) bytes += static_cast<char>(number >> (8 * left) & 0xff);
  return bytes;
}
std::string big_endian(std::uint32_t number) { return big_endian(number, sizeof number); }

std::uint32_t id_of(const PublicKey& key, char type) {
  const Digest digest = sha256(key.name + "\n" + type + std::string(bytes_of(key.bytes)));
  return std::uint32_t{digest[0]} << 24 | std::uint32_t{digest[1]} << 16 | std::uint32_t{digest[2]} << 8 | digest[3];
}

// What is signed where the time is.
std::string timed(std::string_view text, std::uint64_t when) { return fmt::format("cosignature/v1\ntime {}\n{}", when, text); }

std::optional<PrivateKey> from_seed(std::string name, std::string_view seed) {
  PrivateKey key;
  if (seed.size() != key.seed.size()) return std::nullopt;
  std::copy(seed.begin(), seed.end(), key.seed.begin());
  const KeyHandle handle(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.seed.data(), key.seed.size()), EVP_PKEY_free);
  std::size_t size = key.open.bytes.size();
  if (!handle || EVP_PKEY_get_raw_public_key(handle.get(), key.open.bytes.data(), &size) != 1) return std::nullopt;
  key.open.name = std::move(name);
  return key;
}

struct Parts {
  std::string name;
  std::uint32_t id = 0;
  std::string content;  // behind the type
};

std::optional<Parts> parts_of(std::string_view text) {
  const auto first = text.find('+'), second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Parts parts{std::string(text.substr(0, first)), 0, {}};
  const std::string_view id = text.substr(first + 1, second - first - 1);
  const auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), parts.id, 16);
  auto content = unbase64(text.substr(second + 1));
  if (!valid_key_name(parts.name) || problem != std::errc() || end != id.data() + id.size() || !content || content->size() != 33 || content->front() != ed25519)
    return std::nullopt;
  parts.content = content->substr(1);
  return parts;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

bool holds(const PublicKey& key, std::string_view text, std::string_view signature) {
  const KeyHandle handle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), key.bytes.size()), EVP_PKEY_free);
  const ContextHandle context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return handle && context && signature.size() == signature_bytes && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) == 1 &&
         EVP_DigestVerify(context.get(), unsigned_of(signature), signature.size(), unsigned_of(text), text.size()) == 1;
}

}  // namespace

std::uint32_t PublicKey::id() const { return id_of(*this, ed25519); }
std::uint32_t PublicKey::timed_id() const { return id_of(*this, timed_ed25519); }
std::string PublicKey::text() const { return fmt::format("{}+{:08x}+{}", name, id(), base64(ed25519 + std::string(bytes_of(bytes)))); }
std::string PrivateKey::text() const { return fmt::format("{}{}+{:08x}+{}", private_prefix, open.name, open.id(), base64(ed25519 + std::string(bytes_of(seed)))); }

bool valid_key_name(std::string_view name) {
  constexpr std::size_t most = 100;
  return !name.empty() && name.size() <= most && name.front() != '.' && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

std::optional<PrivateKey> make_key(const std::string& name) {
  std::string seed(32, '\0');
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1) return std::nullopt;
  return from_seed(name, seed);
}

std::optional<PublicKey> public_key(std::string_view text) {
  const auto parts = parts_of(trimmed(text));
  if (!parts) return std::nullopt;
  PublicKey key{parts->name, {}};
  std::copy(parts->content.begin(), parts->content.end(), key.bytes.begin());
  return key.id() == parts->id ? std::optional(key) : std::nullopt;
}

std::optional<PrivateKey> private_key(std::string_view text) {
  if (!text.starts_with(private_prefix)) return std::nullopt;
  const auto parts = parts_of(trimmed(text.substr(private_prefix.size())));
  auto key = parts ? from_seed(parts->name, parts->content) : std::nullopt;
  return key && key->open.id() == parts->id ? key : std::nullopt;
}

namespace {

// 64 bytes; empty when the system cannot sign.
std::string signature_of(std::string_view text, const PrivateKey& key) {
  const KeyHandle handle(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.seed.data(), key.seed.size()), EVP_PKEY_free);
  const ContextHandle context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(signature_bytes, '\0');
  std::size_t size = signature.size();
  if (!handle || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, handle.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, unsigned_of(text), text.size()) != 1)
    return {};
  return signature;
}

std::string note_of(std::string_view text, const std::string& signer, const std::string& signature) { return fmt::format("{}\n{}{} {}\n", text, dash, signer, base64(signature)); }

}  // namespace

std::string sign_note(std::string_view text, const PrivateKey& key) {
  const std::string signature = signature_of(text, key);
  return signature.empty() ? signature : note_of(text, key.open.name, big_endian(key.open.id()) + signature);
}

std::string sign_note_at(std::string_view text, const PrivateKey& key, std::int64_t when) {
  const auto seconds = static_cast<std::uint64_t>(when);
  const std::string signature = signature_of(timed(text, seconds), key);
  return signature.empty() ? signature : note_of(text, key.open.name, big_endian(key.open.timed_id()) + big_endian(seconds, time_bytes) + signature);
}

std::optional<Note> read_note(std::string_view note, const std::vector<PublicKey>& known) {
  // The last empty line parts the text from the signatures.
  const auto gap = note.rfind("\n\n");
  if (gap == std::string_view::npos || !note.ends_with('\n')) return std::nullopt;
  Note read{std::string(note.substr(0, gap + 1)), {}, {}, false};
  std::string_view lines = note.substr(gap + 2);
  if (lines.empty()) return std::nullopt;
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    if (!line.starts_with(dash)) return std::nullopt;
    line.remove_prefix(dash.size());
    const auto space = line.find(' ');
    const auto signature = space == std::string_view::npos ? std::nullopt : unbase64(line.substr(space + 1));
    if (!signature || signature->size() < 4) return std::nullopt;
    const std::string_view content = std::string_view(*signature).substr(4);
    for (const PublicKey& key : known) {
      if (key.name != line.substr(0, space)) continue;
      if (signature->starts_with(big_endian(key.id()))) {
        if (holds(key, read.text, content)) read.signers.push_back(key.name);
        else read.forged = true;
      } else if (signature->starts_with(big_endian(key.timed_id()))) {
        std::uint64_t when = 0;
        for (const char byte : content.substr(0, time_bytes)) when = when << 8 | static_cast<unsigned char>(byte);
        if (content.size() > time_bytes && holds(key, timed(read.text, when), content.substr(time_bytes))) {
          read.signers.push_back(key.name);
          read.times.emplace(key.name, static_cast<std::int64_t>(when));
        } else {
          read.forged = true;
        }
      }
    }
  }
  return read;
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), unsigned_of(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> unbase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), unsigned_of(text), static_cast<int>(text.size())) < 0) return std::nullopt;
  bytes.resize(bytes.size() - static_cast<std::size_t>(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return base64(bytes) == text ? std::optional(bytes) : std::nullopt;  // one form only
}

}  // namespace bfl
