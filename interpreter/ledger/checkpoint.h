// Checkpoints of a job's ledger: how many entries there are and the root of the Merkle tree (RFC 6962) over all of them, in the
// order in which they were written, as a signed note of C2SP's tlog-checkpoint. Kept elsewhere, a checkpoint proves later that
// none of these entries was altered, cut off or written anew. And the same tree as files, in the layout of C2SP's tlog-tiles.
//
// Only of a job that nobody runs: then no entry can come between those that are there.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/damage.h"
#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"
#include "interpreter/base/signed_note.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

struct Checkpoint {
  std::string origin;
  std::int64_t size = 0;       // entries
  Digest root{};
  std::string text() const;    // what is signed
};

std::string origin(const std::string& identity, const std::string& job);
// Of the ledger as it is. An error of class `held` when the job is being run or was cut short.
Result<Checkpoint> checkpoint(connect::Connector& target, const std::string& identity, const std::string& job);

// A checkpoint that was kept elsewhere.
struct Anchor {
  Checkpoint said;
  std::vector<std::string> signers;
  std::string place;           // file and line, for messages
};
// Every note of a file. An error of class `data` when a part of it is no checkpoint or a signature of a known key does not
// hold, or when it bears none of a known key.
Result<std::vector<Anchor>> anchors(const std::string& file, std::string_view content, const std::vector<PublicKey>& known);
// What of the ledger is not as the anchors say. `used`: how many of them are of this target.
Result<std::vector<Damage>> compare(connect::Connector& target, const std::string& identity, const std::vector<std::string>& jobs, const std::vector<Anchor>& anchors, std::int64_t& used);

// Writes the files of one job by `write`, whose paths are relative to the log: tiles, bundles of entries, and the packs with
// the images of rows that entries name, by their digest. Gives the checkpoint over all of it.
using WriteFile = std::function<Result<void>(const std::string& path, std::string_view content)>;
Result<Checkpoint> write_tiles(connect::Connector& target, const std::string& identity, const std::string& job, const WriteFile& write);

}  // namespace bfl::ledger
