// Whether planned rows refer to rows that are there, and whether others refer to what they would take away.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "interpreter/ledger/pack.h"
#include "interpreter/run/restraints.h"

namespace bfl::run {

class References {
 public:
  // `program` says where the tables lie.
  References(const program::Program& program, const program::Step& step, connect::Connector& source, const std::vector<Reference>& references);
  bool itself() const { return itself_; }  // to rows of the same table: each row is to be asked when its turn comes

  // Of each row why it would be refused; empty: it would not. `keys`: values by which a row is known.
  Result<std::vector<std::string>> broken(std::span<const ledger::Record> rows, std::size_t keys);

 private:
  struct Asked {
    Reference reference;
    std::vector<int> columns{};      // of the step's table
    std::vector<int> own_parents{};  // where it refers to its own table: the columns that it refers to
    lower::Statement any{};
    std::string says{};
    std::unique_ptr<connect::Prepared> prepared{};
  };
  Result<void> ask(Asked& asked, std::span<const ledger::Record> rows, std::size_t keys, std::vector<std::string>& broken);

  connect::Connector& source_;
  const program::Step& step_;
  std::vector<Asked> all_{};
  bool itself_ = false;
};

}  // namespace bfl::run
