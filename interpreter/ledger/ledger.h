// bfl's own tables in the target, and the rules by which they change: protocol.md made code.
//
// bfl_meta (identity, format), bfl_job (name, epoch, holder, lease, clock, parameters), bfl_step (a generation of a step),
// bfl_lane (the fence: the only row a chunk competes for), bfl_ledger (one entry and one pack of images per chunk,
// insert-only), bfl_stage (sealed sets, insert-only). All SQL on them is in this folder.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

inline constexpr int format_version = 1;

enum class StepState : std::uint8_t { staging, open, done, undone };

// One application of a step.
struct Generation {
  std::int64_t id = 0;                 // row of bfl_step
  std::string step;
  std::int64_t number = 0;             // 1, 2, … per job and step name
  StepState state{};
  std::string memo_key;                // digest
  std::vector<std::pair<std::string, std::string>> components;  // of the key: name, digest
  std::string route;                   // direct, sealed, whole
  std::string schema;                  // fingerprint of the touched columns when it was opened
  std::int64_t changed = 0;            // rows
  std::int64_t conflicts = 0;
  std::int64_t next_seq = 0;           // of lane 0: chunks committed so far
};

struct Holder {
  std::string name;                    // user@host pid
  std::string until;                   // end of the lease, ISO 8601
};

// Creates bfl's tables if they are missing; refuses a newer format.
Result<void> set_up(connect::Connector& target);
bool present(connect::Connector& target);
// Made once per target, at random: part of every memo key. Empty when bfl's tables are not there yet.
Result<std::string> identity(connect::Connector& target);
// Raised with every generation that opens or closes: what a finished job is recognised by without parsing it.
Result<std::int64_t> revision(connect::Connector& target);
// Every generation of the job's steps, oldest first; empty when there are no tables yet.
Result<std::vector<Generation>> generations(connect::Connector& target, const std::string& job);

}  // namespace bfl::ledger
