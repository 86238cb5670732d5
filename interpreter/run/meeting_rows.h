// Rows that an insert or upsert would add, and that would come under one key: found when the set has been read, before the first write.
//
// What is remembered of the rows goes to temporary files: in memory there is a part of it, however many they are.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "interpreter/run/digest_runs.h"
#include "interpreter/run/measure.h"
#include "interpreter/run/spool.h"

namespace bfl::run {

class MeetingRows {
 public:
  MeetingRows(const program::Program& program, const program::Step& step);

  // False: the keys of the tables that they are made from keep the rows apart.
  bool looks() const { return !alone_ || !uniques_.empty(); }
  // The next row of the set.
  Result<void> note(connect::RawRow key, connect::RawRow values);
  // Takes out of the set, which holds the rows that were noted, those that come to nothing: the same as one before it, or `on duplicate`
  // has taken that one. An error of class data when a row differs from one that has its key. `key`: values by which a row of the set is known.
  Result<void> settle(Spool& set, std::size_t key);
  bool refused() const { return refused_.has_value(); }
  // What settle() has refused, with the rows named from which those were made, which are asked for once more.
  Error error(const std::vector<connect::Connector*>& sources, const eval::Context& evaluation, const lower::Hands& hands) const;
  std::vector<LeftOut> left_out{};    // by `on duplicate`

 private:
  struct Unique {
    std::vector<int> columns;
    DigestRuns seen{};
  };
  struct Pair { std::int64_t first = 0, second = 0; };   // rows of the set
  struct Refused {
    int unique = -1;                  // -1: the step's own key
    ledger::Key first{}, second{};
  };
  std::string tuple_of(const std::vector<int>& columns, connect::RawRow values) const;
  Result<void> note_uniques(connect::RawRow values);
  Result<void> leave_out(Spool& set, std::size_t key, DigestRuns& rows);
  Result<void> refuse(Spool& set, std::size_t key, int unique, Pair pair);

  Error error() const;
  Error both(const std::string& one, const std::string& other) const;

  const program::Program& program_;
  const program::Step& step_;
  const Table& table_;
  std::vector<int> assigned_;         // column: its place among the values, or -1
  bool alone_ = false;                // no two rows can come under the step's own key
  std::int64_t rows_ = 0;             // that were noted
  DigestRuns own_{};                  // by key; beside it the values
  std::vector<Unique> uniques_{};
  std::optional<Refused> refused_{};
};

}  // namespace bfl::run
