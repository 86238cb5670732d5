// Carries out a plan: takes the job over, decides per step, runs the works in order, tells everything to one listener.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/rows_done.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/decide.h"
#include "interpreter/run/events.h"
#include "interpreter/run/measure.h"
#include "interpreter/store/state.h"

namespace bfl::run {

class KeptPlan;

class Clock {                       // a seam: tests turn it by hand
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() = 0;      // wall clock
  virtual double seconds() = 0;     // monotonic
};
std::unique_ptr<Clock> system_clock();

// 0: go on; 1: finish the chunk in flight and stop; 2: roll the chunk in flight back and stop. Set by signal handlers.
struct StopSignal {
  std::atomic<int> level{0};
  int signal = 0;                   // SIGINT or SIGTERM: decides exit code 130 or 143
};

struct Options {
  std::string run_id;
  std::string trace{};              // 32 hexadecimal digits (trace.h)
  std::string who, host, version, script_digest;
  std::string only;                 // --only STEP: this step and nothing else
  std::vector<std::string> again;   // --again STEP
  std::vector<std::string> accept;  // --accept STEP
  std::vector<std::string> retry{}; // finished steps that are applied once more for the rows that they have in quarantine
  bool evict = false;               // --evict: sessions in the way of the take-over are ended
  bool record_completion = false;   // where nothing is left to do: the ledger says so of the job as it means now, if it does not yet
  std::string job_file = "JOB.bfl";  // as it is typed in a shell: of what is to be typed next
  std::string goes_on_by = "bfl run";  // the command, with what it was given, that goes on where the run stops
  std::string halt_file{};          // a file that stops every run that looks for it here
  bool played = false;              // on a copy, to see what comes of it: nobody's orders are heard, and nothing is waited for
  std::int64_t limit_chunks = -1;   // --limit-chunks N
  int steps = 0;                    // --steps N: steps under way at the same time; 0: as their sources say
  int workers = 0;                  // --workers N: connections on which one step is walked; 0: as its source says
  double target_chunk_seconds = 0.25;
  std::size_t max_pack_bytes = 4u << 20;
  const KeptPlan* kept = nullptr;   // --plan FILE: what it holds is done, and nothing else
  std::vector<std::pair<const char*, std::map<std::string, std::string>>> attested{};  // entries of the ledger: of the plan, and who approved it
};

struct Outcome {
  int exit_code = 0;                // cli.md
  std::int64_t changed = 0, conflicts = 0, left_out = 0, quarantined = 0;
  std::int64_t conflicts_left = 0;        // by steps that were finished before
  ledger::RowsDone before{};        // by runs that were not finished, where the job undoes itself for rows that were not changed
  std::size_t steps_run = 0, steps_reused = 0, steps_resumed = 0, assertions = 0;
  bool next_plan = false;           // what was left needs a plan of its own
  struct FailedStage { std::string step; std::int64_t generation = 0; };
  std::optional<FailedStage> stage_failed{};  // the step whose rollout does not go on, and which application of it
  Result<void> diary{};             // what went wrong with the state file, said by nobody yet
  ledger::RowsDone of_this_run() const { return {changed, conflicts, quarantined}; }
  ledger::RowsDone of_all_runs() const { return ledger::RowsDone(before) += of_this_run(); }
};

// `targets` in step with Program::sources. What goes wrong is said as diagnostics at the step's span: which step, which
// chunk, which row, what state the data is in, what to do. Of a program that is atomic all of it is one transaction.
Outcome execute(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                store::State& state, Clock& clock, StopSignal& stop, const Listener& listener, const Options& options,
                Diagnostics& diagnostics);

}  // namespace bfl::run
