// Values erased out of the ledger, and how that is still proved: bfl's answer to who has a right to be forgotten.
//
// Packs are written anew without the values; every other record keeps its leaf, so that the roots which entries name hold as before. What
// else entries name, the digest of the bytes of a pack, is replaced by an entry that says for each pack from which digest it was turned
// into which, by whom, when and why. Entries themselves are never changed: checkpoints and exports that were made before hold.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/kept_copies.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

struct Redaction {
  std::string job, table, schema, key;  // schema: as in TableName; key as it was typed
  std::string columns;                 // with commas; empty: all but the key
  std::string why, who, host, time;
  std::int64_t packs = 0, images = 0;  // images: of sealed sets as well
  std::int64_t kept = 0;               // rows of relations that the job keeps, which were taken out
  bool hides_key = false;              // the key is in a sensitive column, and is not to be shown
  std::vector<std::string> relations{};  // those, as SQL names them
};

// The redactions of a job, by the places of the packs.
class Redactions {
 public:
  void add(const EntryFields& entry);  // of kind `redact`
  // The digest (hex) that the bytes at a place have now, where an entry named the one that is given.
  std::string now(const std::string& place, const std::string& named) const;
  // The digest of what stood at the place at first; empty where nothing was erased.
  std::string first(const std::string& place) const;
  const Redaction* of(const std::string& place, const NamedTable& table) const;  // the newest
  const std::vector<Redaction>& all() const { return all_; }

 private:
  struct Step { std::string before, after; std::size_t redaction = 0; };
  std::map<std::string, std::vector<Step>> steps_{};
  std::vector<Redaction> all_{};
};
std::string place_of_pack(std::int64_t step, std::int64_t lane, std::int64_t seq);
std::string place_of_block(std::int64_t step, std::int64_t block);
Result<Redactions> redactions_of(connect::Connector& target, const std::string& job);

struct RedactionRequest {
  NamedTable table;                    // the row is taken out of what jobs keep of it as well (kept_copies.h)
  TypedKey key;
  std::string key_shown;
  std::vector<std::string> columns;    // none: all but the key
  std::string why;
  bool hides_key = false;              // it is of a column that is sensitive
};
// Images that may be of the row, and are as they were: of a table of that name, nobody knows of which; or of the table under another key.
struct Doubtful { std::string generation; bool other_key = false; };
struct Redacted {
  std::vector<Redaction> done;
  std::vector<Redaction> before{};     // of rows of that table, by whom and when ever
  std::vector<Doubtful> doubtful{};
  std::set<std::string> other_keys{};  // that the row had before or behind a change: what was done to it under those is as it was
  std::optional<Error> stopped{};      // behind those: another job is being run, its database is gone
};
// In every job of the target that has images of the row, or keeps it, one transaction a job; gives what was erased, job by job: nothing when there is no image of it that holds
// anything yet. What was overwritten may lie in the files of the database still: sweep.h. Errors: held, while a job is run; refused, where a generation with its images is not finished, or a pack does not hold;
// data, when no table of the ledger has such a column, or it is of the key.
Result<Redacted> redact(connect::Connector& target, const RedactionRequest& request, const Runner& runner);

}  // namespace bfl::ledger
