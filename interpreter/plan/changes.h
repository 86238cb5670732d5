// What changed between two versions of a job, in meaning: for the review of an edit.
//
// Steps are compared by name, as programs: layout, names of lets, functions and parameters are nothing. What cannot be judged is said
// to be unknown, never harmless.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::plan {

enum class ChangeClass : std::uint8_t {
  cosmetic,         // the text only
  metadata,         // what describes or paces: owner, messages, chunk size, documentation
  verification,     // what is proved afterwards
  additive,         // a new step
  scope_narrowed,   // fewer rows than before, whatever the data
  guard_tightened,
  scope_widened,    // more rows
  scope_unknown,    // other rows
  value_changed,    // what rows become
  guard_loosened,   // a check or a bound lets more pass, or is gone
  removed,          // a step is gone; what it has changed stays changed
  target_changed,   // another table, another database, another kind of step, another name in the ledger
  unknown,          // the meaning is another, and none of the above says how
};
std::string_view name_of(ChangeClass what);   // "scope widened"
bool is_scope(ChangeClass what);              // other rows may be chosen than before
bool needs_review(ChangeClass what);          // what is changed in the data, or what guards it, can be other than before

// Of the rows that the database holds now: those that only one version chooses.
struct Only {
  std::int64_t rows = 0;
  std::vector<std::string> sample;   // their keys, the first few
};
struct ScopeRows {
  Only before, after;
  std::string why_not;       // not empty: they were not compared
};

struct Change {
  ChangeClass what{};
  std::string step;          // empty: of the job
  std::string about;         // one line: "orders.total", "expect", …
  std::string before, after; // as a person writes it; may be empty
  std::optional<ScopeRows> rows{};  // of changes of a scope, where a database was asked
};

// What the next run does about a step.
enum class Fate : std::uint8_t {
  stays,        // finished work is known again; unfinished work goes on
  stays_or_restarts,  // finished work is known again; unfinished work is refused without `--accept`: it is walked otherwise
  runs_again,   // finished work is done again where it is not as it should be; unfinished work is refused without `--accept`
  is_new,
  is_gone,
};
std::string_view describe(Fate fate);

struct StepFate {
  std::string step;
  Fate fate{};
};

struct Changes {
  std::vector<Change> list;  // the job's first, then by step in order of the text
  std::vector<StepFate> steps;
  // Nothing but the text, or the order in which it says the same.
  bool same() const { return std::all_of(list.begin(), list.end(), [](const Change& change) { return change.what == ChangeClass::cosmetic; }); }
};

// Both were checked, against the same databases. Without steps (no old version) everything is new.
Changes compare(const program::Program& before, const program::Program& after);

}  // namespace bfl::plan
