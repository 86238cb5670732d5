// What `bfl status` and `bfl log` show of the state file: runs, the steps of one run, the diary. For people and as JSON.
//
// Every JSON object has `run`, `job`, `step`, `kind` and `time`; fields that say nothing are left out.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/store/state.h"

namespace bfl::report {

// Whether the process of a run that has not ended is still there; where that cannot be known, true.
using Alive = std::function<bool(const store::RunRecord&)>;

// running (or paused, where it is told by what), cut short, done, failed, conflicts, stopped or refused
std::string state_of(const store::RunRecord& run, const Alive& alive);

// What a run waits for, by its diary: somebody or something holds it back, or it has ended until a stage is approved. Nothing: it does not.
struct Held {
  std::string step, why;
  std::string command;        // that lets it go on; empty: none does
};
std::optional<Held> held(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive);
using HeldBy = std::function<std::optional<Held>(const store::RunRecord&)>;

std::string runs_text(const std::vector<store::RunRecord>& runs, const Alive& alive, const HeldBy& held_by = {});  // a table, one line a run, and what it waits for
std::string runs_json(const std::vector<store::RunRecord>& runs, const Alive& alive, const HeldBy& held_by = {});  // one document, a list
std::string run_text(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive);
std::string run_json(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive);
std::string log_text(const std::vector<store::JournalEntry>& journal);  // one line an entry, under a line for each run
std::string log_json(const std::vector<store::JournalEntry>& journal);  // one object a line

}  // namespace bfl::report
