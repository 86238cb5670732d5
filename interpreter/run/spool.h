// The blocks of a sealed set on their way into the target, in a temporary file without a name.
//
// A set is read in one snapshot, which may take minutes; writing meanwhile would lock everybody else out for as long.
#pragma once
#include <cstdio>
#include <functional>
#include <optional>

#include "interpreter/ledger/in_between.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/writer.h"

namespace bfl::run {

class Spool {
 public:
  Spool();
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  Result<void> add(const ledger::Pack& pack);
  std::int64_t rows() const { return rows_; }
  std::int64_t changed() const { return rows_ - in_between_; }  // rows that are changed: what is in between comes once more
  void note_in_between() { ++in_between_; }
  Result<std::optional<ledger::StageBlock>> next(bool from_start);  // nothing at the end
  void swap(Spool& other) noexcept;

 private:
  std::FILE* file_;
  std::int64_t rows_ = 0, in_between_ = 0, given_ = 0;
};

// The planned rows of some blocks, in their order. False from `row` ends the reading.
Result<void> each_planned(const ledger::Writer::BlockSource& blocks, const std::function<bool(const ledger::Record&)>& row);

// The same, each row that is changed once: as it is before the step and after it.
Result<void> each_changed(const ledger::Writer::BlockSource& blocks, ledger::Joining joining, const std::function<bool(const ledger::Record&)>& row);

// Planned rows on their way into a spool, in packs of what is unpacked at a time.
class PlannedRows {
 public:
  explicit PlannedRows(Spool& into) : into_(into) {}
  // As PackWriter::plan.
  Result<void> add(connect::RawRow key, connect::RawRow row = {}, std::span<const int> columns = {}, connect::RawRow values = {}, std::string_view table = {},
                   std::string_view reason = {});
  Result<void> end();  // what is not in the spool yet

 private:
  Spool& into_;
  ledger::PackWriter pack_;
};

}  // namespace bfl::run
