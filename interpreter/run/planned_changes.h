// Planned rows carried out where nobody else changes anything: no comparison with what was seen, no ledger.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/run/spool.h"

namespace bfl::run {

class PlannedChanges {
 public:
  using EachKept = std::function<Result<void>(std::size_t effect, connect::RawRow row)>;
  // Rows of tables that `wanted` does not take are passed over. `kept`: what each effect of the step keeps of its rows.
  PlannedChanges(const program::Program& program, const program::Step& step, connect::Connector& target, const eval::Context& evaluation,
                 std::function<bool(program::TableRef)> wanted, EachKept kept);

  // An error of class data is that of a row, which it names where several were not sent together.
  Result<void> apply(Spool& rows);

 private:
  enum class Act : std::uint8_t { add, change, remove };
  struct Hand {
    lower::Hand sql;
    std::unique_ptr<connect::Prepared> prepared[3]{};
  };
  Act act_of(const ledger::Record& record) const;
  Result<void> flush();
  Result<void> keep(const ledger::Record& record, Act act);
  Result<ledger::Key> as_changed(const ledger::Record& record);
  Result<ledger::Key> as_added();

  const program::Program& program_;
  const program::Step& step_;
  const Table& table_;
  connect::Connector& target_;
  const eval::Context evaluation_;
  const std::function<bool(program::TableRef)> wanted_;
  const EachKept kept_;
  std::map<std::string, Hand, std::less<>> hands_{};     // by table; the step's own has no name
  std::map<std::string, std::size_t, std::less<>> keys_{};  // values by which their rows are known
  std::vector<ledger::Record> batch_{};
  std::size_t most_ = 1;
  std::vector<ledger::Key> added_{};                     // rows of the batch, where the engine shows what it added
  bool shows_ = false;
  std::unique_ptr<connect::Prepared> read_{}, last_added_{};
};

// A step on the direct route: all of its rows by one statement.
Result<void> change_at_once(const program::Program& program, const program::Step& step, connect::Connector& source, const eval::Context& evaluation);

}  // namespace bfl::run
