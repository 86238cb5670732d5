// A kept plan: one file that says which rows a job will change, and into what, so that people can approve just that.
//
//   bfl plan 2
//   {step, rows, bytes, root}    one line for each step that it holds, in the order of the run; behind it its blocks: rows and bytes
//                                (8 each, little endian), root (32), and the pack of planned rows, as sealed sets have them (pack.h).
//                                The root of the step is that of the ledger's seal: RFC 6962 over the blocks.
//   {…}                          one line: what it was made for, and from
//   a signed note                whose text names the digest of every byte before it; approvals are signatures, added at the end
//
// It is written and read as it comes, whatever its size, and read whole before any of it is believed.
#pragma once
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"
#include "interpreter/ledger/writer.h"
#include "interpreter/run/spool.h"
#include "interpreter/run/table_parts.h"

namespace bfl::run {

// What a plan says of a step that writes or keeps rows.
enum class Planned : std::uint8_t {
  rows,      // they are in the plan
  statement, // a statement of SQL is in it, as it will be run; what it changes is known when it has run
  done,      // it was finished when the plan was made
  left_out,  // its `when` did not hold
  later,     // its rows are not known yet: a plan that is made after this one may hold them
};

std::string_view name_of(Planned planned);  // "rows"

struct PlannedStep {
  std::string step;
  Planned planned{};
  std::string why;                                // left_out, later
  std::int64_t generation = 0;                    // the one that is to be opened
  std::int64_t rows = 0;
  std::map<std::string, std::string> components;  // of its memo key: name, digest
  std::string measured;                           // what its clauses leave out
  std::string statement;                          // its very text, and the values that are bound to it
};

struct PlannedSource {
  std::string name, shown, url, identity;  // url: as `--source` gave it, if it holds no secret; identity: empty before the first run
};

struct PlannedTable {
  std::string source, schema, table, name;         // name: as the script calls it
  TableParts parts;
};

struct PlannedParameter {
  std::string name, value;                 // as a script writes it; none that are secret
  std::string given;                       // as `--set` gave it; empty: the job's own value
};

struct PlanFacts {
  std::string job, why, path;              // of the script: from the folder of the plan
  std::string script;                      // digest
  std::string version, made, clock;        // clock: now() of the values
  std::string who, host;                   // who made it,
  std::vector<std::string> keys;           //   and what public keys that person signs with
  bool not_author = false;                 // whoever made it is not to approve it, as the job says
  std::vector<PlannedParameter> parameters;
  std::vector<PlannedSource> sources;
  std::vector<PlannedTable> tables;                // that its steps read or change
  std::vector<PlannedStep> steps;
  std::string text;                        // what `bfl plan` showed

  std::int64_t rows() const;
  bool holds_statements() const;                  // nobody knows how many rows these change
};

// Writes to a file beside `path` that takes its name when all is written.
class PlanWriter {
 public:
  static Result<std::unique_ptr<PlanWriter>> create(const std::string& path);
  ~PlanWriter();
  PlanWriter(const PlanWriter&) = delete;
  PlanWriter& operator=(const PlanWriter&) = delete;
  Result<void> add(const std::string& step, Spool& rows);
  Result<Digest> finish(const PlanFacts& facts);

 private:
  explicit PlanWriter(std::string path);
  Result<void> put(std::string_view bytes);
  const std::string path_, unfinished_;
  std::FILE* file_;
  Hasher hasher_{};
};

class KeptPlan {
 public:
  // An error of class refused: no plan, of a newer bfl, or not as it was written.
  static Result<std::unique_ptr<KeptPlan>> open(const std::string& path);

  const PlanFacts& facts() const { return facts_; }
  const std::string& path() const { return path_; }
  const Digest& digest() const { return digest_; }
  const std::string& note() const { return note_; }     // with its signatures
  std::string note_text() const;                        // what is signed
  const std::string& route() const { return route_; }   // of the generations that it opens
  const PlannedStep* step(std::string_view name) const;
  std::int64_t planned_rows(std::string_view step) const;  // that its blocks hold: a row that is in between is there twice
  // The rows of a step; with what is given last an error if they are not those that the digest was made of.
  ledger::Writer::BlockSource blocks(const std::string& step) const;

 private:
  struct Section { long at = 0; std::int64_t rows = 0, bytes = 0; std::string root; };
  explicit KeptPlan(std::string path);
  Result<void> read();

  const std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  PlanFacts facts_{};
  std::map<std::string_view, const PlannedStep*> steps_{};
  std::map<std::string, Section, std::less<>> sections_{};
  Digest digest_{};
  std::string note_{}, route_{};
};

}  // namespace bfl::run
