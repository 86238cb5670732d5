// Planned rows carried out where nobody else changes anything: no comparison with what was seen, no ledger.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/run/references.h"
#include "interpreter/run/refusals.h"
#include "interpreter/run/spool.h"

namespace bfl::run {

// Rows that the table does not take are passed over, each when its turn comes, as a run would set them aside.
struct PassedOver {
  const std::vector<Reference>& references;
  const std::set<std::string>& waiting;  // keys of rows that were set aside before, encoded
  Refusals& refusals;
  bool only_waiting = false;  // the others are not judged: what is refused is an error
};

class PlannedChanges {
 public:
  using EachKept = std::function<Result<void>(std::size_t effect, connect::RawRow row)>;
  // Rows of tables that `wanted` does not take are passed over. `kept`: what each effect of the step keeps of its rows.
  PlannedChanges(const program::Program& program, const program::Step& step, connect::Connector& target, const eval::Context& evaluation,
                 std::function<bool(program::TableRef)> wanted, EachKept kept, const PassedOver* passes = nullptr);

  // `between`: after each so many rows.
  static constexpr std::int64_t stretch = 20'000;
  using Between = std::function<Result<void>()>;
  void pause(Between between) { between_ = std::move(between); }
  // An error of class data is that of a row, which it names where several were not sent together.
  Result<void> apply(Spool& rows);

 private:
  enum class Act : std::uint8_t { add, change, remove };
  struct Hand {
    lower::Hand sql;
    std::unique_ptr<connect::Prepared> prepared[3]{};
  };
  Act act_of(const ledger::Record& record) const;
  bool joins(const ledger::Record& record) const;
  Result<void> flush();
  Result<void> send(std::span<const ledger::Record> rows);
  Result<void> pass_over(std::vector<ledger::Record> rows);
  Result<void> part(std::span<const ledger::Record> rows, bool together);
  Result<void> send_each(std::span<const ledger::Record> rows);
  void refuse(const ledger::Record& record, Error error);
  Result<void> keep(const ledger::Record& record, Act act, std::size_t place);
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
  const PassedOver* passes_;
  std::optional<References> references_{};
  Between between_{};
  std::unique_ptr<connect::Prepared> read_{}, last_added_{};
};

// How many values of a planned row of the step are its key.
std::size_t key_values(const program::Step& step);
ledger::Joining joining_of(const program::Step& step);
// The rows as they are before the step, into a table of theirs alone, which is empty.
Result<void> fill_with_rows(const program::Program& program, const program::Step& step, connect::Connector& source, Spool& rows);
// A step on the direct route: its rows by statements over stretches of the key, as it would run.
Result<void> change_at_once(const program::Program& program, const program::Step& step, connect::Connector& source, const eval::Context& evaluation, const PlannedChanges::Between& between = {});

}  // namespace bfl::run
