// One row of an undo: what stands in its place now, what is to be done about it, and doing it.
#pragma once
#include <map>
#include <memory>
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
  Result<Judged> judge(const ledger::Record& record);
  // Rows that the database says it changed. Only after the verdict `put_back`. `cause`: of an added row, its key.
  Result<std::int64_t> carry_out(const ledger::Record& record, const Judged& judged);
  const std::string& query() const { return query_; }
  const ledger::ImageTable& table_of(const ledger::Record& record) const;
  std::string shown_key(const ledger::Record& record) const;  // `people 7`, for people

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
  Result<std::string> referred_to(Hand& hand, const std::vector<ledger::Stored>& row);

  connect::Connector& target_;
  const UndoTask& task_;
  std::vector<Hand> hands_;
  std::string query_;
};

}  // namespace bfl::run
