// How a verification writes what it found beside what it expected.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/stored.h"

namespace bfl::ledger {

const std::string& in(const EntryFields& fields, std::string_view name);  // the member of an entry, or empty
// Values as texts that are equal only when class and bytes are.
std::string shown(const connect::RawValue& value);
std::string as_text(std::string_view value);  // the same of a text
std::string cut(const std::string& text);     // to what one line can hold
// A key as entries have it: in hex, or by its digest when it was too long for an entry.
std::string in_form_of(const std::string& named, const connect::RawValue& value);
std::optional<Key> key_in_hex(std::string_view digits);  // of the first form
std::optional<Digest> digest_in(std::string_view hex);

}  // namespace bfl::ledger
