// What `bfl audit` found, for people and as JSON.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/ledger/verify.h"
#include "interpreter/store/state.h"

namespace bfl::report {

struct Audit {
  std::vector<std::pair<std::string, ledger::Proven>> targets;  // by the name of the source; those with a ledger
  std::string diary;                                            // path of the state file; empty: there is none
  store::State::Proven proven;                                  // of the diary
  bool sound() const;
};

std::string audit_text(const Audit& audit);
std::string audit_json(const Audit& audit);  // one document

}  // namespace bfl::report
