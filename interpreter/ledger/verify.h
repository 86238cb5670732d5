// The ledger as evidence: everything in bfl's tables of a target recomputed from its entries.
//
// Each entry hangs on the one before it by its hash; a lane's first entry hangs on the one that opened the lane; that one
// hangs in the lane of the job itself. Entries name the digests of packs and seals, and all that rows of the other tables say
// follows from entries. So a changed bit is found where it is, in one pass, with one pack in memory at a time. What nobody can
// prove from a database alone is that its newest entries were not cut off or written anew, all of them: keep signed
// checkpoints elsewhere (checkpoint.h), and a comparison with them proves that.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/base/damage.h"
#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/approval.h"
#include "interpreter/ledger/gaps.h"
#include "interpreter/ledger/redaction.h"

namespace bfl::ledger {

struct ProvenJob {
  std::string name;
  std::int64_t entries = 0;
  Digest root{};               // RFC 6962, over the entries of the job's own lane
};

struct Proven {
  std::string identity;        // of the target
  std::vector<ProvenJob> jobs;
  std::int64_t generations = 0, entries = 0, packs = 0, images = 0, sealed = 0;
  std::vector<std::pair<std::string, Approval>> approvals;  // by job, oldest first; what is wrong with one is a damage
  std::vector<Redaction> redactions;  // what was erased, job by job
  std::int64_t erased_records = 0, unproven_values = 0;  // records out of which something was erased, and what else they hold: it hangs on no leaf any more
  std::vector<Gap> lost;              // chunks whose images are lost
  std::int64_t anchored = 0;   // checkpoints that were kept outside and compared with it
  std::vector<Damage> damages;  // the first of them; none: everything holds
};
inline constexpr std::size_t most_damages = 50;

// In one snapshot. An error only when the target cannot be read.
Result<Proven> verify(connect::Connector& target);

}  // namespace bfl::ledger
