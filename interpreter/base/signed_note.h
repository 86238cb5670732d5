// Texts signed with Ed25519, in the form of C2SP's signed notes, and the keys for it: so that tools which are not bfl's can
// check them. A key has a name; its texts are those that tools for signed notes take.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bfl {

struct PublicKey {
  std::string name;
  std::array<std::uint8_t, 32> bytes{};
  std::uint32_t id() const;   // of name and bytes
  std::uint32_t timed_id() const;  // the same, of signatures that name their time
  std::string text() const;   // NAME+ID+BASE64
};

struct PrivateKey {
  PublicKey open;
  std::array<std::uint8_t, 32> seed{};
  std::string text() const;   // PRIVATE+KEY+NAME+ID+BASE64: for its file alone, never printed
};

bool valid_key_name(std::string_view name);  // letters, digits, `.`, `_`, `-`: a file name, and a name that notes allow
std::optional<PrivateKey> make_key(const std::string& name);  // nothing when the system gives no random bytes
// Line ends around the text are left out. Nothing when it is none, or when its parts do not fit each other.
std::optional<PublicKey> public_key(std::string_view text);
std::optional<PrivateKey> private_key(std::string_view text);

// `text` ends with a line end.
std::string sign_note(std::string_view text, const PrivateKey& key);
// The same with a signature that says when it was given, in seconds since 1970: the timestamped ones of C2SP's tlog-cosignature.
std::string sign_note_at(std::string_view text, const PrivateKey& key, std::int64_t when);

struct Note {
  std::string text;               // what is signed, with its last line end
  std::vector<std::string> signers;  // names of the known keys whose signatures hold
  std::map<std::string, std::int64_t> times;  // when they were given, in seconds since 1970, where the signature says it
  bool forged = false;            // a signature claims a known key and does not hold
};
// Nothing when it has not the form of a note.
std::optional<Note> read_note(std::string_view note, const std::vector<PublicKey>& known);

std::string base64(std::string_view bytes);
std::optional<std::string> unbase64(std::string_view text);

}  // namespace bfl
