// The images of a generation on their way back, and the circles among them.
//
// A row whose value another one takes over in a circle, under a unique key, holds a value meanwhile that nobody has: two changes of one row in
// one entry. All between its two images goes back together or stays together, or the row would be left with that value.
#pragma once
#include "interpreter/run/row_back.h"

namespace bfl::run {

// By their number, the newest first; one entry of them at a time.
class Backwards {
 public:
  Backwards(connect::Connector& target, const UndoTask& task) : target_(target), task_(task) {}
  Result<const ledger::Record*> at(std::int64_t number);
  // From a number on those before `to` that may be judged before the first of them is put back: of one table, no two of a row, and none of a
  // circle that begins behind the first.
  Result<std::vector<const ledger::Record*>> together(const RowBack& back, std::int64_t number, std::int64_t to, bool alone);
  // Behind the circle that begins here; the number itself: none does. Of one in which an older bfl has stopped, what is left goes row by row.
  Result<std::int64_t> end_of_circle(std::int64_t number);
  // Where a chunk that would end before `to` does, so that it parts no circle: none reaches from one entry into another.
  Result<std::int64_t> end_of_chunk(std::int64_t from, std::int64_t to);
  // The later image of the same row in its circle; none: it has one image.
  std::optional<std::int64_t> later(std::int64_t number) const;
  // Whether it is that later one: put back, the row is in between (ledger/in_between.h), and is changed once more.
  bool goes_on(std::int64_t number) const;

 private:
  void find_circles();
  std::size_t place(std::int64_t number) const { return static_cast<std::size_t>(number - first_); }

  connect::Connector& target_;
  const UndoTask& task_;
  std::vector<ledger::Record> records_;
  std::vector<std::size_t> later_;    // by place: that of the later image of the row, itself where there is none
  std::vector<bool> goes_on_;         // by place
  std::map<std::size_t, std::size_t> circles_;  // where they begin: behind their ends
  std::int64_t first_ = 0;
};

// A row of a circle: its oldest image and its newest, and what is to be done about it.
struct InCircle {
  const ledger::Record *first, *last;
  Judged judged;
};
Result<std::vector<InCircle>> look_at_circle(RowBack& back, Backwards& images, std::int64_t from, std::int64_t to);
bool goes_back(const std::vector<InCircle>& circle);
// What could go back stays for the sake of what does not.
void stay_together(const RowBack& back, std::vector<InCircle>& circle);

}  // namespace bfl::run
