// How many of a step's workers have a chunk under way: a law over what the last second was like. It knows no clock, no database and no run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace bfl::run {

struct CrewSeen {
  double now = 0;                   // seconds, of any clock that only goes on
  std::int64_t waiting = 0;         // the most sessions of others that waited for a lock of one chunk since the last look
  std::int64_t failures = 0;        // transactions since then that failed for a while: locks, deadlocks, no connection
};

class CrewSize {
 public:
  CrewSize(std::size_t most, double now) : most_(most), wanted_(most), since_(now) {}
  std::size_t wanted() const { return wanted_; }
  // True: it is another number now, and why() says for what reason. Half of them rest at once where a transaction fails, and where others
  // wait at two looks in a row. One comes back after some seconds of quiet, twice as many after each time that this was too early.
  bool look(const CrewSeen& seen);
  const std::string& why() const { return why_; }

 private:
  std::size_t most_, wanted_;
  double since_;                    // when it last was otherwise than quiet, or somebody came back
  double quiet_ = 5;                // seconds until somebody comes back
  bool waited_ = false;             // at the last look
  std::string why_{};
};

}  // namespace bfl::run
