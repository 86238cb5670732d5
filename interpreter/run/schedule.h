// Which step of a plan comes next, and which may be under way beside others. It knows no clock, no database and no thread.
//
// A step waits for those that it hangs on. Beside others it waits, moreover, for every step before it in the plan's order that touches
// one of its tables where one of the two writes it: so all tables see their changes in the one order of the plan, whatever is under
// way. What else a step may look at, nobody knows of some of them: those are carried out alone, in their turn.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"

namespace bfl::run {

// The tables of a step, by their names wherever they lie: two sources may be one database.
struct Footprint {
  bool alone = false;
  std::set<std::string> reads{}, writes{};
  bool clashes(const Footprint& other) const;
  void add(const Footprint& other);
};
Footprint footprint_of(const program::Program& program, const program::Step& step);

class Schedule {
 public:
  // `wanted`: the others are passed over. `idle`: has nothing to do, and touches nothing.
  using Which = std::function<bool(std::size_t step)>;
  Schedule(const program::Program& program, const plan::Plan& plan, const Which& wanted, const Which& idle = {});

  struct Next {
    std::size_t step = 0;
    std::optional<std::size_t> waits_for{};  // what did not come to be: the step cannot begin, and is to be ended
    bool alone = false;
  };
  // While nothing is under way the first of the order that has not ended. Else one that may begin beside what is; `room`: whether its
  // source has any, none where all are carried out alone. Nothing: none can now.
  std::optional<Next> next(const std::function<bool(const program::Step&)>& room = {});
  void begin(std::size_t step);
  void put_back(std::size_t step);                   // it was not begun after all
  void end(std::size_t step, bool missing);          // missing: what hangs on it cannot begin
  bool ended(std::size_t step) const { return state_[step] == State::ended; }
  bool missing(std::size_t step) const { return missing_[step]; }
  const std::vector<const plan::Edge*>& waits(std::size_t step) const { return waits_[step]; }

 private:
  enum class State : std::uint8_t { open, under_way, ended };
  std::optional<std::size_t> waits_for(std::size_t step);
  const Footprint& footprint(std::size_t step);

  const program::Program& program_;
  const plan::Plan& plan_;
  std::vector<std::vector<const plan::Edge*>> waits_;
  std::vector<State> state_;
  std::vector<bool> missing_;                        // failed or blocked
  std::vector<std::size_t> guard_;                   // of a check: the first of its chain, itself included, that is missing
  std::vector<std::optional<Footprint>> footprints_;
  std::size_t first_ = 0;                            // of the order: those before it have ended
  std::size_t under_way_ = 0;
};

}  // namespace bfl::run
