// Puts rows back to their images before, where nobody has changed them since.
//
// An undo of a generation is a generation of its own: it walks the images of the other one, newest first, in chunks that are
// fenced, counted and kept in the ledger like any others, so that it goes on after a kill and can be undone in its turn. What
// it intends was sealed long ago: the entries themselves. A row is put back only if what the step has changed of it is still
// as the step left it, byte for byte; columns that the step did not set are left alone. Added rows go while they are as they
// were added and nothing refers to them; deleted rows come back while their key is free. Everything else is a conflict:
// listed, left as it is.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/ledger/gaps.h"
#include "interpreter/ledger/images.h"
#include "interpreter/run/executor.h"

namespace bfl::run {

// Why a run has begun to undo itself, as `rollback when` of the job says. Whoever comes next finishes that.
inline constexpr std::string_view of_the_run = "rollback of the run", of_a_stage = "rollback of a stage";

struct UndoRequest {
  std::string run, step;            // only what this run (its beginning is enough), this step did; empty: all that was not undone
  std::vector<std::string> runs{};  // only what these runs did, by their whole ids; none: whichever
  std::optional<std::pair<std::string, std::string>> keys{};  // only rows with keys from … to …, both included
  std::int64_t generation = 0;      // only this application of the step, by its row in bfl_step; 0: whichever
  bool finish = false;              // only what was cut short
  std::string because{};            // of_the_run, of_a_stage; empty: somebody asks for it
};

// One generation that is to be put back.
struct UndoTask {
  int source = 0;
  ledger::Generation undone;
  std::optional<ledger::Generation> open{};      // an undo of it that was cut short: it is gone on with
  std::int64_t number = 1;                       // of the undo, per name
  std::vector<ledger::ImageTable> tables;        // its own first
  std::vector<ledger::ImagePack> packs;          // oldest first
  std::int64_t images = 0;
  std::optional<std::int64_t> again{};           // it was an undo itself, of a whole generation: what it had put back is done again
  std::optional<std::pair<ledger::Key, ledger::Key>> keys{};
  std::vector<std::string> runs{};               // of its packs those of these runs alone; none: all
  std::string because{};                         // as the request says, or the undo that was cut short
  std::vector<ledger::Gap> lost{};               // chunks whose images are lost: their rows stay as they are
  bool whole() const { return !keys && runs.empty() && lost.empty(); }  // nothing of the generation is left done, but what is in conflict
  program::Step step;                            // as the executor sees it: named "undo …"
  // What was found, or done.
  std::int64_t put_back = 0, as_before = 0, conflicts = 0;
  std::vector<std::string> sensitive{};          // columns of its own table
  std::vector<std::string> lost_lines() const;   // what of it has lost its images, for people
  std::vector<std::string> listed{};             // conflicts, the first of them
};

// What the request comes to, in the order in which it is to be done: the newest first. An error when it cannot be: of class
// data when the request names nothing, of class refused when later changes stand on what would be put back, or when a table has
// other columns now.
// Of an undo that was cut short, between two steps as well where a run undoes itself: of_the_run, of_a_stage or empty; nothing: none was.
Result<std::optional<std::string>> undo_cut_short(const program::Program& program, const std::vector<connect::Connector*>& targets);
bool same_range(const std::optional<std::pair<ledger::Key, ledger::Key>>& a, const std::optional<std::pair<ledger::Key, ledger::Key>>& b);
// Nothing of it was done: a run may begin over it.
bool is_untouched_undo(const ledger::Generation& generation);

// `code`: of a refusal that has one.
Result<std::vector<UndoTask>> undo_tasks(const program::Program& program, const std::vector<connect::Connector*>& targets, const UndoRequest& request, std::optional<Code>* code = nullptr);

// Rows in conflict that the newest undo of each step has left as they were, each as people read it: while the step has not run again. Of
// one step, where `step` names it.
Result<std::vector<std::string>> left_by_undoes(const program::Program& program, const std::vector<connect::Connector*>& targets, const std::string& step);

// Counts what would be put back, without changing anything.
Result<void> preview_undo(const program::Program& program, const std::vector<connect::Connector*>& targets, std::vector<UndoTask>& tasks);

// `program.steps` and `plan.steps` are those of the tasks, in step with them.
Outcome undo(const program::Program& program, const plan::Plan& plan, std::vector<UndoTask>& tasks, const std::vector<connect::Connector*>& targets,
             store::State& state, Clock& clock, StopSignal& stop, const Listener& listener, const Options& options, Diagnostics& diagnostics);

}  // namespace bfl::run
