// Rows that an insert or upsert would add, and that would come under one key: found while the set is read, before the first write.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "interpreter/ledger/writer.h"
#include "interpreter/run/measure.h"

namespace bfl::run {

class MeetingRows {
 public:
  MeetingRows(const program::Program& program, const program::Step& step);

  enum class Verdict : std::uint8_t {
    planned,   // nobody before it has its key
    left_out,  // the same as a row before it, or `on duplicate` has taken that one
    refused,   // it differs from one that has its key
  };
  Verdict take(connect::RawRow key, connect::RawRow values);
  // While rows are read again after one was refused: whether this is the one that it meets. Only under keys of the table that are
  // not the step's own; of those both rows are asked for by their key.
  bool meets(connect::RawRow key, connect::RawRow values);
  bool refused() const { return refused_.has_value(); }
  bool looks_again() const { return refused_ && refused_->unique >= 0; }
  Error error() const;
  // The same with the rows named from which those were made, which are asked for once more.
  Error error(const std::vector<connect::Connector*>& sources, const eval::Context& evaluation, const lower::Hands& hands) const;
  std::vector<LeftOut> left_out{};    // by `on duplicate`

 private:
  struct Unique {
    std::vector<int> columns;
    ledger::ChangedRows seen{};
  };
  struct Refused {
    int unique = -1;                  // -1: the step's own key
    std::string tuple{};
    ledger::Key key{}, other{};
  };
  std::string tuple_of(const std::vector<int>& columns, connect::RawRow values) const;

  Error both(const std::string& one, const std::string& other) const;

  const program::Program& program_;
  const program::Step& step_;
  const Table& table_;
  std::vector<int> assigned_;         // column: its place among the values, or -1
  bool alone_ = false;                // no two rows can come under the step's own key
  ledger::ChangedRows own_{};         // key: values
  std::vector<Unique> uniques_{};
  std::optional<Refused> refused_{};
};

}  // namespace bfl::run
