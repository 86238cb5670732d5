// Rows that go together: a row that a step deletes, and those that go with it by `cascades to`.
//
// Children are deleted first. Where one of a family is not as it was planned, or has got a child that nobody has planned, all of them are
// left alone: who changed the parent, and with that keeps it, would otherwise find it without its children.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/writer.h"
#include "interpreter/lower/sql.h"

namespace bfl::run {

class Families {
 public:
  Families(const program::Program& program, const program::Step& step, connect::Connector& target);

  // A planned row that is there, in the order of the set; `changed`: it is another. `table`: empty for the step's own.
  Result<void> saw(const std::string& table, connect::RawRow row, bool changed);
  // Leaves alone who goes with rows that are left alone. True: there were more of them, and all rows are to be given once more.
  bool spread(const std::string& table, connect::RawRow row);
  bool left_alone(const std::string& table, connect::RawRow row) const;

 private:
  // A foreign key between two of the tables.
  struct Bond {
    std::string child, parent;
    std::vector<int> child_columns, parent_columns;
    lower::Statement count;                       // of the children of a parent
    std::unique_ptr<connect::Prepared> prepared{};
  };
  using Values = std::unordered_set<ledger::Short, ledger::HashShort>;
  std::vector<ledger::Short> families_of(const std::string& table, connect::RawRow row) const;

  connect::Connector& target_;
  std::vector<Bond> bonds_{};
  std::unordered_map<ledger::Short, std::int64_t, ledger::HashShort> children_{};  // as planned, by family
  Values alone_{};
};

}  // namespace bfl::run
