// What `bfl audit` found, for people and as JSON.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/ledger/history.h"
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

std::string redaction_text(const ledger::Redaction& one);  // one line, without its end
struct StillHeld { std::string relation, job; std::int64_t rows = 0; std::string text; };  // a relation that a job keeps; text: and what to do about it, one line
struct Redacted {
  std::vector<ledger::Redaction> done, before;  // before: of the same row, earlier
  std::vector<StillHeld> held;
  std::vector<std::string> left, made;          // left: of what was overwritten; made: where values of the row may have gone (ledger/elsewhere.h)
  std::string beyond;                           // where they may be besides
  bool stopped = false;                         // not all of it was done
};
std::string redacted_text(const std::string& place, const Redacted& redacted);
std::string redacted_json(const Redacted& redacted);

// A value as a script would write it, by the name of its column.
using ShownValue = std::function<std::string(const std::string& column, const ledger::Stored& value)>;
// `place`: `shop.orders`; `key` as it was asked for; `lost`: chunks without images that may have changed it.
std::string history_text(const std::string& place, const std::string& key, const ledger::History& history, const std::vector<ledger::Gap>& lost, const ShownValue& shown);
std::string history_json(const std::string& place, const std::string& key, const ledger::History& history, const std::vector<ledger::Gap>& lost, const ShownValue& shown);

}  // namespace bfl::report
