// An approval as the ledger keeps it: who signed which plan with which key, and the signature itself, so that anybody can look
// again whether it holds.
#pragma once
#include <string>
#include <string_view>

#include "interpreter/ledger/ledger.h"

namespace bfl::ledger {

struct Approval {
  std::string approver, key;           // name of the key; the public key, NAME+ID+…
  std::string plan;                    // digest, hex
  std::string when;                    // of the signature, ISO 8601; empty: it does not say
  std::string run{}, recorded{};       // by which run, and when, it came into the ledger
  std::string text() const;            // one line, for people and for the diary
};

Approval approval_in(const EntryFields& entry);
// What is wrong with an approval, by its signature; empty: it holds.
std::string fault_of(const Approval& approval, std::string_view note);
// The approval that a line of the diary tells, as text() wrote it.
Approval approval_told(std::string_view text);

}  // namespace bfl::ledger
