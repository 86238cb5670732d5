// Temporary copies of tables, that stand in for them while a plan is looked at: what a step would change is changed there, so that the
// steps behind it are seen on top of it.
//
// Expressions and lowering know nothing of it: only the catalogue says that a table lies elsewhere. On SQLite the copies are temporary
// tables of a connection that can only read, and no transaction lasts longer than a step. On PostgreSQL they are those of one
// transaction, which may write nothing else once they are made, sequences included, and is always rolled back: when the last step that
// looks at them is through, or when the server ends it. Triggers and foreign keys are left out.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/run/planned_changes.h"

namespace bfl::run {

class StandIns {
 public:
  struct Bounds {
    std::int64_t rows = 2'000'000;  // that are copied from one source
    std::int64_t bytes = 1LL << 30;  // about
  };

  static Bounds usual() { return {}; }
  // For these tables, that later steps look at, and for those that steps may only be tried on. Nothing is begun before there are rows to be changed.
  StandIns(const program::Program& program, const std::set<program::TableRef>& tables, const std::set<program::TableRef>& tried, const std::vector<connect::Connector*>& sources, Bounds bounds);
  ~StandIns();
  StandIns(const StandIns&) = delete;
  StandIns& operator=(const StandIns&) = delete;

  // With the tables for which copies stand by now.
  const program::Program& program() const { return seen_ ? *seen_ : given_; }
  // Why there are none of a source; empty: there are, or none are asked for.
  const std::string& why_not(int source) const { return places_[static_cast<std::size_t>(source)].why_not; }
  void give_up(int source, std::string why);
  // Whether copies of the source may be made at all, as far as that is known before. Not in a transaction.
  bool may_copy(int source);
  // The source is seen as it is again, and nothing holds it.
  void end(int source);
  // A source whose server has ended the transaction of the copies since; it was given up. Nothing: there is none.
  std::optional<int> lost();
  // The error without the names of copies.
  Error told(Error error) const;

  // The tables that the step writes are copied, if they are not yet. False: there is a reason not to.
  bool copy(const program::Step& step);
  // Rows of tables for which none stand are passed over. An error of class data: a row that the table would refuse, named where that is known.
  // What fails may be done in part: the copies are to be given up then.
  // `kept`: each row of an effect, by its place in Step::effects, as it is kept.
  // `passes`: rows that the table would not take are counted there, and the others are changed.
  using EachKept = std::function<Result<void>(std::size_t effect, connect::RawRow row)>;
  Result<void> apply(const program::Step& step, Spool& rows, const eval::Context& evaluation, const EachKept& kept, const PassedOver* passes = nullptr);
  // The same, taken back at once. `whole`: on all rows of the table, and not only on those of the step.
  Result<void> try_out(const program::Step& step, Spool& rows, const eval::Context& evaluation, bool whole, const PassedOver& passes);
  // The same by one statement, of a step on the direct route; not of each that shows what it changes.
  bool takes_at_once(const program::Step& step) const;
  Result<void> apply_at_once(const program::Step& step, const eval::Context& evaluation);

 private:
  struct Copy {
    program::TableRef table;
    Table as;                            // the table, where the copy is
    bool looked_at = true;
    bool made = false, filled = false;
    std::string why_not{};               // be made, of one that is not looked at
  };
  struct Place {
    connect::Connector* source = nullptr;
    bool asked = false, begun = false;
    std::int64_t room = 0;               // for rows
    std::string why_not{};
  };
  Result<void> fits(int source);
  Result<void> begin(const program::Step& step);
  Result<void> make_all(int source, const program::Step& step);
  Result<void> try_on(Copy& copy, const program::Step& step, Spool& rows, const eval::Context& evaluation, bool whole, const PassedOver& passes);
  void restore(int source);
  bool rows_added(program::TableRef table) const;
  Result<void> make(Copy& copy, connect::Connector& source);
  Result<void> fill(Copy& copy, Place& place);
  // SQLite does not tell how large a table is: no more of its file of temporary tables is filled.
  Result<void> bounded(connect::Connector& source, const std::function<Result<void>()>& fill) const;
  static PlannedChanges::Between breather(connect::Connector& source);
  Result<void> within(connect::Connector& source, const std::function<Result<void>()>& work);

  const program::Program& given_;
  const Bounds bounds_;
  std::unique_ptr<program::Program> seen_{};
  std::vector<Place> places_;
  std::vector<Copy> copies_{};
};

}  // namespace bfl::run
