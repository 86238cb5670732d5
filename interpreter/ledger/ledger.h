// bfl's own tables in the target, and the rules by which they change: protocol.md made code.
//
// bfl_meta (identity, format), bfl_job (name, epoch, holder, lease, clock, parameters), bfl_step (a generation of a step),
// bfl_lane (the fence: the only row a chunk competes for), bfl_ledger (one entry and one pack of images per chunk,
// insert-only), bfl_stage (sealed sets, insert-only), bfl_control (orders to a run). All SQL on them is in this folder. What is read here needs no right
// but SELECT; what changes them is in writer.h.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"
#include "interpreter/base/value.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

inline constexpr int format_version = 4;

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
  std::int64_t quarantined = 0;        // rows that were set aside, whatever came of them since
  std::int64_t next_seq = 0;           // chunks committed so far, of all lanes
};

struct Holder {
  std::string name;                    // user@host pid
  std::string until;                   // end of the lease, ISO 8601
};

// Creates bfl's tables if they are missing; refuses a newer format.
Result<void> set_up(connect::Connector& target);
Result<bool> exists(connect::Connector& target);
// Of bfl's tables in a target that has some: `bfl_ledger`.
Result<std::vector<std::string>> missing_tables(connect::Connector& target);
// Made once per target, at random: part of every memo key. Empty when bfl's tables are not there yet.
Result<std::string> identity(connect::Connector& target);
// Raised with every generation that opens or closes: one indexed read, by which a finished job is known without parsing it,
// and by which a target is seen to have been restored to an older state.
Result<std::int64_t> revision(connect::Connector& target);
// By which bfl's tables are laid out; 0 without them.
Result<int> format(connect::Connector& target);
// Every generation of the job's steps, oldest first; empty when there are no tables yet.
Result<std::vector<Generation>> generations(connect::Connector& target, const std::string& job);
// now() of a job that has begun and not yet finished; nothing for one that would begin now.
Result<std::optional<Timestamp>> frozen_clock(connect::Connector& target, const std::string& job);
// Who runs the job, by what the target says; nothing if nobody does.
Result<std::optional<Holder>> holder(connect::Connector& target, const std::string& job);

// One entry of the ledger, valid while it is shown.
struct EntryView {
  std::int64_t step = 0, lane = 0, seq = 0;
  std::string_view text;               // canonical JSON
  std::string_view hash;               // SHA-256 of the text
  std::string_view pack;               // empty: no image
};
// The members of an entry.
using EntryFields = std::map<std::string, std::string, std::less<>>;
EntryFields fields_of(std::string_view entry);
// The member of an entry, or empty.
std::string field(std::string_view entry, std::string_view name);
// The root of the rows that an entry names.
std::optional<Digest> rows_root(std::string_view entry);
// Every entry of a job, in the order in which they were written: openings and closings, and chunks. False stops.
Result<void> entries(connect::Connector& target, const std::string& job, const std::function<bool(const EntryView&)>& each);

}  // namespace bfl::ledger
