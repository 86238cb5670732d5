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

// The transaction that an atomic run is in: what it has changed is not there before that is committed. Or was in, when it was cut short or its
// commit was not answered: then nobody here knows.
struct Transaction {
  std::string since, step, told;  // step: where it is; told: what it has said last
  std::int64_t changed = 0;       // rows, by then
};
struct Standing {
  std::optional<Held> held{};
  std::optional<Transaction> transaction{};
};
Standing standing(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive);
using StandingOf = std::function<Standing(const store::RunRecord&)>;

std::string runs_text(const std::vector<store::RunRecord>& runs, const Alive& alive, const StandingOf& standing_of = {});  // a table, one line a run, and what it waits for or is in
std::string runs_json(const std::vector<store::RunRecord>& runs, const Alive& alive, const StandingOf& standing_of = {});  // one document, a list
std::string run_text(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive);
std::string run_json(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive);
std::string log_text(const std::vector<store::JournalEntry>& journal);  // one line an entry, under a line for each run
std::string log_json(const std::vector<store::JournalEntry>& journal);  // one object a line

}  // namespace bfl::report
