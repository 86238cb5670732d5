// What a step does to a column, summed up over all rows that it would change: in one pass, in constant memory.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/value.h"
#include "interpreter/ledger/writer.h"

namespace bfl::run {

struct ColumnSummary {
  std::string column;
  std::int64_t changed = 0;              // rows whose value becomes another
  std::int64_t filled = 0, emptied = 0;  // of them: null before, null after
  std::optional<Decimal> sum_before{}, sum_after{};  // of whole numbers and decimals, over all rows that the step would change; exact
  struct Change {
    std::string before, after;           // as people read them; `before` is empty of rows that are added
    std::int64_t rows = 0;
  };
  std::vector<Change> changes{};         // the most frequent ones; none of sensitive columns, and none when each is there once
  std::int64_t uncounted = 0;            // so many rows more, at most, may have one of them: there were very many different ones
};

class Summing {
 public:
  explicit Summing(const Column& column);
  // `before` absent: the row is added.
  void add(const std::optional<Value>& before, const Value& after);
  ColumnSummary finish();

 private:
  void thin();

  const bool sensitive_, number_;
  ColumnSummary sum_;
  std::map<ledger::Short, ColumnSummary::Change> seen_{};  // by a digest of both values
};

}  // namespace bfl::run
