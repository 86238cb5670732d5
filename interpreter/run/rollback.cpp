#include "interpreter/run/rollback.h"

#include <fmt/format.h>

namespace bfl::run {

std::string rows_to_roll_back(const program::Program& program, const ledger::RowsDone& done) {
  if (!program.rollback) return {};
  const auto too_many = [&](const program::Rollback::Bound& most, std::int64_t rows) {
    const Decimal all(done.changed + done.conflicts + done.quarantined);
    return (most.rows >= 0 && rows > most.rows) || (most.percent && Decimal(rows * 100).compare(*multiply(*most.percent, all)) > 0);
  };
  const auto said = [&](std::int64_t rows, const char* where) {
    return fmt::format("{} in {}, and {} {} changed", rows == 1 ? "1 row is" : fmt::format("{} rows are", rows), where, done.changed, done.changed == 1 ? "was" : "were");
  };
  if (too_many(program.rollback->conflicts, done.conflicts)) return said(done.conflicts, "conflict");
  return too_many(program.rollback->quarantined, done.quarantined) ? said(done.quarantined, "quarantine") : "";
}

}  // namespace bfl::run
