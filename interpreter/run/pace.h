// How fast a step may go, and whether it may go on now: `pace`.
#pragma once
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/run/context.h"

namespace bfl::run {

struct Verdict {
  bool stop = false;         // the run ends, resumably
  std::string reason{};      // why it waits or ends; empty: it may go on
};

// Of the step under way. The step itself looks and hears orders, its workers spend.
class Pacer {
 public:
  Pacer(Context& context, const program::Step& step);
  // Another rate than the job and the step say, for the job as a whole, as long as somebody wants it. False: it is the one in force.
  bool set(const std::optional<ledger::Order>& order);
  const std::optional<ledger::Order>& ordered() const { return order_; }
  // Rows that were changed by a transaction that began then.
  void spent(std::int64_t rows, double began);
  // Seconds until the next chunk may begin.
  double debt() const;
  // Rows a second, the least of what job and step may; 0: any number.
  double rate() const;
  // The signals as they are, each asked for at most once a second. One that cannot be had says to wait, never to go on. It may take
  // seconds: never to be called with a lock, or where a transaction is open.
  const Verdict& look();
  // How many sessions others have that wait for a lock of a chunk of that source: whether anybody wants to know, and what was seen.
  bool asks_who_is_blocked(int source) const;
  void blocked(int source, double sessions);

 private:
  struct Rule {
    const program::PaceRule* rule;
    std::unique_ptr<connect::Prepared> statement{};
    double blocked = 0;      // the most since it was asked for
  };
  Result<std::optional<double>> value_of(Rule& rule);
  Result<std::optional<double>> ask(Rule& rule);
  std::string reason_of(Rule& rule);

  double rate_of_job() const;

  Context& context_;
  int keeper_;               // the source in which orders are heard
  std::vector<Rule> rules_{};
  std::vector<const program::DailyWindow*> windows_{};
  double job_says_ = 0, step_says_ = 0;  // rows a second; 0: any
  std::optional<ledger::Order> order_{};
  mutable std::mutex mutex_{};  // held by whoever touches what follows, and Rule::blocked
  double rate_ = 0;          // of the step; none while an order is in force. That of the job is the WholeRun's: its steps share it
  double due_ = 0;           // when what was spent of it is paid for, by Clock::seconds

  // Of the one that looks.
  double looked_at_ = -1;
  Verdict verdict_{};
};

// Rows a second at which a step may go, as the job, the step, or somebody's order says; 0: any.
double rate_of(const program::Program& program, const program::Step& step, const std::optional<ledger::Order>& order);

// The pace that somebody has ordered: the newest for the job, else for every job.
std::optional<ledger::Order> ordered_pace(const std::vector<ledger::Order>& given);

// The statement by which a signal is asked of its database; empty: it is asked of something else. `table`: of `autovacuum`.
std::string statement_of(const program::PaceRule& rule, const Table* table);

// Rows a second of `500/s`, `30_000/m`, `none` (0), or of a text that begins with that and goes on behind a colon; nothing for others.
std::optional<double> rows_a_second(std::string_view text);

}  // namespace bfl::run
