// Rows of an undo: what stands in their places now, what is to be done about them, and doing it. Many at a time, where the engine is asked
// over a wire.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "interpreter/ledger/images.h"
#include "interpreter/lower/keyed.h"
#include "interpreter/run/undo.h"

namespace bfl::run {

enum class Verdict : std::uint8_t {
  put_back,    // it is as the step left it
  as_before,   // it is as it was before the step already
  conflict,
  passed_over, // not of the keys that were asked for
};

struct Judged {
  Verdict verdict{};
  std::string reason{};                          // of a conflict
  std::vector<ledger::Stored> now{};             // every column; none: the row is not there
};

class RowBack {
 public:
  static Result<std::unique_ptr<RowBack>> prepare(const program::Program& program, connect::Connector& target, const UndoTask& task);
  using Records = std::span<const ledger::Record* const>;
  // How many may be judged before the first of them is put back: of its table, and no two of them of a row (see rows_of).
  std::size_t most_together(const ledger::Record& record) const;
  std::set<std::string> rows_of(const ledger::Record& record) const;  // the keys that it had and has
  // `asked_for`: those of other keys are passed over.
  Result<std::vector<Judged>> judge(Records records, bool asked_for = true);
  // Of one kind. Only after the verdict `put_back`. `done` is told the number of rows that the database says it changed.
  Result<void> carry_out(Records records, std::span<const Judged> judged, const connect::Prepared::EachBefore& before, const connect::Prepared::EachDone& done);
  const std::string& query() const { return query_; }
  const ledger::ImageTable& table_of(const ledger::Record& record) const;
  std::string shown_key(const ledger::Record& record) const;  // `people 7`, for people
  std::string shown_key(const ledger::Key& key) const;        // of the step's own table

 private:
  struct Hand {
    ledger::ImageTable described;
    lower::KeyedWrite sql;
    std::unique_ptr<connect::Prepared> read{}, change{}, add{}, remove{};
    std::vector<std::unique_ptr<connect::Prepared>> referring{};
    std::vector<Column> columns;                 // of the table, in step with those of the images
  };
  RowBack(connect::Connector& target, const UndoTask& task) : target_(target), task_(task) {}
  Hand& hand_of(const ledger::Record& record);
  const Hand& hand_of(const ledger::Record& record) const { return const_cast<RowBack*>(this)->hand_of(record); }
  static std::string shown(const Hand& hand, const std::vector<connect::RawValue>& key);
  void decide(const Hand& hand, const ledger::Record& record, Judged& judged) const;
  Result<void> find_under_old_keys(Hand& hand, Records records, const std::vector<std::size_t>& judged, std::vector<Judged>& all);
  Result<void> refuse_referred(Hand& hand, Records records, std::vector<Judged>& all);

  connect::Connector& target_;
  const UndoTask& task_;
  std::vector<Hand> hands_;
  std::string query_;
};

}  // namespace bfl::run
