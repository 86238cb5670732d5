// Who else has what a row is to have under a unique key: then it stays as it is when its turn comes, as a conflict.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/lower/sql.h"

namespace bfl::run {

class Holders {
 public:
  explicit Holders(const program::Step& step) : step_(step) {}
  Result<void> prepare(connect::Connector& target, const std::vector<lower::UniqueKey>& uniques, const eval::Context& evaluation);
  bool any() const { return !asked_.empty(); }

  struct Held {
    ledger::Key by;
    const std::vector<int>& columns;
  };
  // `now`: every column as it is; `values`: what the step assigns. Nothing: nobody has it.
  Result<std::optional<Held>> other(connect::RawRow key, connect::RawRow now, connect::RawRow values) const;

 private:
  struct Asked {
    std::vector<int> columns;
    std::unique_ptr<connect::Prepared> holder;
  };
  const program::Step& step_;
  std::vector<Asked> asked_{};
};

}  // namespace bfl::run
