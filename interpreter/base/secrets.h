// Values of secret parameters, which must not leave the process.
//
// What makes texts for people, the diary or the ledger cannot know which of the texts that it was given (words of a database, a
// value that fits no type) holds a secret. So the ways out know them: whatever is printed goes through report::put, journalled
// through store::State, entered through ledger::Writer, and each of them through without_secrets(). One process runs one job;
// the secrets are those of the process, remembered before its first thread starts.
#pragma once
#include <string>
#include <string_view>

namespace bfl {

inline constexpr std::size_t shortest_secret = 8;  // bytes: a shorter one would be found in texts that have nothing of it

void remember_secret(std::string_view value);
// The text with `***` for each secret: as it is, or escaped as in a script, in JSON or in SQL; of one of several lines for each
// line; of a long one, which messages cut off, for every beginning of eight bytes or more.
std::string without_secrets(std::string text);
// Stands for it in memo keys: another secret, another piece of work. Slow on purpose, against guessing.
std::string secret_digest(std::string_view value);

}  // namespace bfl
