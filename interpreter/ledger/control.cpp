#include "interpreter/ledger/control.h"

#include <fmt/format.h>

#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {
namespace {

Result<std::vector<Order>> read(OwnSql& sql, const std::string& job) {
  std::vector<Order> all;
  auto done = sql.query("SELECT job, kind, who, reason, given FROM bfl_control WHERE lifted = '' AND (job = ?1 OR job = '') ORDER BY id", {text(job)}, [&](connect::RawRow row) {
    all.push_back({std::string(row[0].bytes), std::string(row[1].bytes), std::string(row[2].bytes), std::string(row[3].bytes), std::string(row[4].bytes)});
    return true;
  });
  if (!done) return done.error();
  return all;
}

Result<std::int64_t> lift(OwnSql& sql, const std::string& job, const std::string& kind, const std::string& who, const std::string& when) {
  return kind.empty() ? sql.run("UPDATE bfl_control SET lifted = ?3, lifted_by = ?2 WHERE lifted = '' AND job = ?1 AND kind <> 'cancel'", {text(job), text(who), text(when)})
                      : sql.run("UPDATE bfl_control SET lifted = ?4, lifted_by = ?3 WHERE lifted = '' AND job = ?1 AND kind = ?2", {text(job), text(kind), text(who), text(when)});
}

}  // namespace

std::string Order::text() const {
  const std::string done = kind == "pause" ? "paused" : kind == "cancel" ? "cancelled" : "halted";
  return fmt::format("{}{}{}{}{}", done, job.empty() ? ", as every job of the database," : "", who.empty() ? "" : " by " + who, given.empty() ? "" : " at " + given, reason.empty() ? "" : ": " + reason);
}

Result<std::vector<Order>> orders(connect::Connector& target, const std::string& job) {
  OwnSql sql(target);
  return read(sql, job);
}

Result<void> give(connect::Connector& target, const Order& order) {
  OwnSql sql(target);
  auto given = sql.run("INSERT INTO bfl_control (job, kind, who, reason, given) VALUES (?1, ?2, ?3, ?4, ?5)",
                       {text(order.job), text(order.kind), text(order.who), text(order.reason), text(order.given)});
  return given ? Result<void>{} : Result<void>{given.error()};
}

Result<std::int64_t> take_back(connect::Connector& target, const std::string& job, const std::string& kind, const std::string& who, const std::string& when) {
  OwnSql sql(target);
  return lift(sql, job, kind, who, when);
}

Result<std::vector<Order>> Writer::orders() { return read(sql_, job_); }

Result<void> Writer::obey(const Order& order) {
  auto lifted = lift(sql_, order.job, order.kind, fmt::format("run {}", runner_.run_id), format_timestamp(runner_.now()));
  return lifted ? Result<void>{} : Result<void>{lifted.error()};
}

}  // namespace bfl::ledger
