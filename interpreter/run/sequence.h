// The order in which the rows of a sealed set can be changed one by one under the unique keys of their table.
//
// Whoever holds a value that another row wants goes first; a cycle goes through a parking value, all of it in one transaction.
// Before that it is settled which of several rows that would come to one key stays (`on duplicate`), and which name each row
// gets (`unique … else`). All of it is decided here, once, and then sealed: applying it needs no more thought.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "interpreter/ledger/stored.h"
#include "interpreter/run/intended.h"

namespace bfl::run {

struct Turn {
  ledger::Key key, image, values;   // no values: the row goes
  bool together = false;            // with the next one, in one transaction
  bool in_between = false;          // it is changed once more, in the same transaction
};

// A tuple as a unique index compares it; empty when a null in it keeps it apart from every other.
std::string unique_tuple(const Table& table, const std::vector<int>& columns, const std::function<connect::RawValue(int column)>& value);

class Sequence {
 public:
  Sequence(const Intention& intention, const lower::Hands& sql);
  ~Sequence();
  // In the order of the statement: who comes first is preferred.
  void add(connect::RawRow key, connect::RawRow image, connect::RawRow values);
  Result<void> finish(const std::function<Result<void>(const Turn&)>& each);

 private:
  struct Row;
  struct Parking;
  std::string wanted_tuple(const Row& row, const std::vector<int>& columns) const;
  std::string held_tuple(const Row& row, const std::vector<int>& columns) const;
  Result<void> choose_names();
  Result<void> choose_survivors();
  Result<void> order(const std::function<Result<void>(const Turn&)>& each);
  Result<bool> held_outside(const Row& row, const std::vector<int>& columns, connect::Prepared& holders) const;
  const ledger::Stored& wanted(const Row& row, int column) const;
  Error meet(const Row& one, const Row& other, const std::vector<int>& columns) const;
  int parked_column(const std::vector<int>& columns) const;
  bool refers(int column) const;            // to another table: a foreign key
  Result<bool> meets(const Row& row, int column, const ledger::Stored& value) const;
  Result<ledger::Stored> parking_value(const Row& row, int column);

  const Intention& intention_;
  const lower::Hands& sql_;
  std::vector<int> assigned_;                 // column: its place among the values, or -1
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::size_t> mine_;  // key: row
  std::vector<Parking> parkings_;             // of each column
};

}  // namespace bfl::run
