// The folder of keys: NAME.key for a private key, which only its owner may read, and NAME.pub for every key that is trusted.
#pragma once
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/base/signed_note.h"

namespace bfl::cli {

std::string key_folder();  // $BFL_KEYS, $XDG_CONFIG_HOME/bfl/keys or ~/.config/bfl/keys

struct KnownKey {
  PublicKey key;
  bool own = false;        // with its private part
};
Result<std::vector<KnownKey>> known_keys();      // by name
Result<std::vector<PublicKey>> trusted_keys();
// The private key of this name; without one, the only one there is.
Result<PrivateKey> signing_key(const std::string& name);
Result<PublicKey> make_key_files(const std::string& name);
Result<PublicKey> trust_key(const std::string& text);

}  // namespace bfl::cli
