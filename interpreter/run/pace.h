// How fast a step may go, and whether it may go on now: `pace`.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/run/context.h"

namespace bfl::run {

struct Verdict {
  bool stop = false;         // the run ends, resumably
  std::string reason{};      // why it waits or ends; empty: it may go on
};

// Of the step under way. What touches it is under Context::shared.
class Pacer {
 public:
  Pacer(Context& context, const program::Step& step);
  bool idle() const { return rules_.empty() && windows_.empty() && rate_ <= 0; }
  // Rows that were changed by a transaction that began then.
  void spent(std::int64_t rows, double began);
  // Seconds until the next chunk may begin.
  double debt() const;
  // Of one transaction, so that no second is much busier than the others; negative: no bound.
  std::int64_t rows_at_most() const { return rate_ > 0 ? std::max<std::int64_t>(1, static_cast<std::int64_t>(rate_)) : -1; }
  // The signals as they are, each asked for at most once a second. One that cannot be had says to wait, never to go on.
  const Verdict& look();

 private:
  struct Rule {
    const program::PaceRule* rule;
    std::unique_ptr<connect::Prepared> statement{};
  };
  Result<std::optional<double>> value_of(Rule& rule);
  std::string reason_of(Rule& rule);

  Context& context_;
  std::vector<Rule> rules_{};
  std::vector<const program::DailyWindow*> windows_{};
  double rate_ = 0;          // rows a second; 0: any
  double due_ = 0;           // when what was spent is paid for, by Clock::seconds
  double looked_at_ = -1;
  Verdict verdict_{};
};

// Null where nothing slows the step down.
std::shared_ptr<Pacer> pacer_of(Context& context, const program::Step& step);

}  // namespace bfl::run
