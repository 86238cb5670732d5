// The rows of a server's result: as raw values, and as the images of rows that a statement changed.
#pragma once
#include <string_view>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/connect/postgres_session.h"
#include "interpreter/lower/sql.h"

namespace bfl::connect::postgres {

// The rows of a result as raw values, each valid until the next one is read.
class ResultRows {
 public:
  ResultRows(const Library& library, const PGresult* result);
  int count() const;
  std::size_t columns() const { return types_.size(); }
  Result<RawRow> read(int row);

 private:
  const Library& library_;
  const PGresult* result_;
  std::vector<Oid> types_;
  std::vector<RawValue> values_;
  std::vector<char> arena_{};  // what has to be made as text
};

// Tells the observer of rows of a changing statement's result.
class Changes {
 public:
  // `assigned`: columns of the table that an update's rows have once more, as they became. The last `beside` columns are no part of the image.
  Changes(Session& session, const ChangeObserver& observer, const std::vector<int>& assigned, const PGresult* result, std::size_t beside, lower::Shows shows,
          std::string_view table);
  Result<void> tell(int row);

 private:
  Session& session_;
  const ChangeObserver& observer_;
  ResultRows rows_;
  lower::Shows shows_;
  std::size_t columns_ = 0;   // of the table
  std::vector<int> becomes_;  // which of them each column behind the row is, as it became
  std::vector<RawValue> after_;
  std::vector<int> changed_{};
  RowChange change_{};
};

}  // namespace bfl::connect::postgres
