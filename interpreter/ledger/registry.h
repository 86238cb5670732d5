// Every job, and every version of it, that was ever run against a target: told by the target's own ledger, whoever ran it and
// from wherever.
//
// A version is a script: its digest, which each entry bears. Of two versions that mean the same `meaning` is the same as well.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/rows_done.h"

namespace bfl::ledger {

struct RegisteredStep {
  std::string name, route;             // route: direct, sealed, whole, check, kept, undo, …
  std::string state;                   // of the newest application by this version: staging, open, done, undone
  std::int64_t applications = 0;       // generations that this version has opened
  std::int64_t changed = 0, conflicts = 0, quarantined = 0;  // rows, by chunks of this version
  std::int64_t lost = 0;               // chunks whose images are lost (gaps.h): what they changed is not counted
};

struct RegisteredVersion {
  std::string script, meaning;         // digests, hex; meaning: empty where an older bfl ran it
  std::string owner, ticket, why;      // as it says them
  std::string first, last;             // time of its first and its last entry, ISO 8601
  std::vector<std::string> who;        // user@host
  std::vector<std::string> programs;   // versions of bfl
  std::int64_t runs = 0, finished = 0; // that have written; finished: with nothing left to do
  std::int64_t atomic = 0;             // runs that were one transaction each, or tried to be
  std::int64_t changed = 0, conflicts = 0;
  std::string transaction;             // when its last run began, if that is one transaction and has not committed: what it does is not to be seen yet
  std::string state;                   // of its last run: finished, stopped, running (or cut short: its lease tells), let go (by an older bfl)
  std::vector<RegisteredStep> steps;   // in the order in which they were first met
};

struct RegisteredJob {
  std::string name, held_by;           // held_by: user@host pid N, empty when nobody holds it
  std::vector<RegisteredVersion> versions;  // oldest first
};

// By name. In one snapshot; no pack is read.
Result<std::vector<RegisteredJob>> registry(connect::Connector& target);

// Whether a job was run through to its end as it means now, by what the target says, and was not undone since.
struct Completed {
  bool any = false;                    // some version was
  std::string run, when;               // of the last run of this meaning; empty: there is none
};
Result<Completed> completed(connect::Connector& target, const std::string& job, const std::string& meaning);

// Rows that these runs of a job have changed, left in conflict and set aside, in what was not undone since.
Result<RowsDone> done_by(connect::Connector& target, const std::string& job, const std::vector<std::string>& runs);
// The runs that have begun since the job was last run to its end, oldest first: what one of them did not finish the next one goes on with.
Result<std::vector<std::string>> unfinished_runs(connect::Connector& target, const std::string& job);
// Whether no application of the job is under way, or was cut short: it was run to its end, or has undone itself. An undo or a redaction that was
// killed is none, though the clock of the job stands since.
Result<bool> is_over(connect::Connector& target, const std::string& job);
// Undoes that have been opened since the job was last run to its end, while nothing else was: rows of bfl_step, oldest first.
Result<std::vector<std::int64_t>> undoes_since_end(connect::Connector& target, const std::string& job);
// After a commit whose outcome is not known: whether an entry of this kind in the job's lane bears this attempt. Waits for whoever still
// holds the job's row.
Result<bool> bears(connect::Connector& target, const std::string& job, const std::string& kind, const std::string& attempt);
// Whether a run of the job whose id begins so has ever held it here.
Result<bool> knows_run(connect::Connector& target, const std::string& job, const std::string& prefix);

}  // namespace bfl::ledger
