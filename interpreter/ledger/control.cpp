#include "interpreter/ledger/control.h"

#include <fmt/format.h>

#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/setup.h"
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
  return kind.empty() ? sql.run("UPDATE bfl_control SET lifted = ?3, lifted_by = ?2 WHERE lifted = '' AND job = ?1 AND kind IN ('pause', 'halt')", {text(job), text(who), text(when)})
                      : sql.run("UPDATE bfl_control SET lifted = ?4, lifted_by = ?3 WHERE lifted = '' AND job = ?1 AND kind = ?2", {text(job), text(kind), text(who), text(when)});
}

// A table that was made before there was such an order allows others only. SQLite cannot change what a column allows.
Result<void> learn_pace(connect::Connector& target) {
  const bool postgres = target.engine() == "postgres";
  bool knows = false;
  auto read = OwnSql(target).query(postgres ? "SELECT pg_get_constraintdef(oid) LIKE '%pace%' FROM pg_constraint WHERE conrelid = CAST('bfl.control' AS regclass) AND conname = 'control_kind_check'"
                                            : "SELECT sql LIKE '%pace%' FROM sqlite_schema WHERE name = 'bfl_control'",
                                   {}, [&](connect::RawRow row) {
                                     knows = row[0].integer != 0 || row[0].bytes == "t" || row[0].bytes == "true";
                                     return false;
                                   });
  if (!read || knows) return read;
  constexpr const char* in_postgres = "ALTER TABLE bfl.control DROP CONSTRAINT control_kind_check;"
                                      "ALTER TABLE bfl.control ADD CONSTRAINT control_kind_check CHECK (kind IN ('pause', 'cancel', 'halt', 'pace'))";
  const std::string in_sqlite = fmt::format("ALTER TABLE bfl_control RENAME TO bfl_control_before;{};"
                                            "INSERT INTO bfl_control SELECT id, job, kind, who, reason, given, lifted_by, lifted FROM bfl_control_before;"
                                            "DROP TABLE bfl_control_before",
                                            control_table);
  if (auto begun = target.begin_write(connect::WriteKind::own); !begun) return begun;
  auto done = target.execute(postgres ? std::string_view(in_postgres) : std::string_view(in_sqlite));
  if (done) done = target.commit();
  if (!done && target.in_transaction()) target.rollback();
  return done;
}

}  // namespace

std::string Order::text() const {
  const std::string done = kind == "pause" ? "paused" : kind == "cancel" ? "cancelled" : kind == "pace" ? "its pace set" : "halted";
  return fmt::format("{}{}{}{}{}", done, job.empty() ? ", as every job of the database," : "", who.empty() ? "" : " by " + who, given.empty() ? "" : " at " + given, reason.empty() ? "" : ": " + reason);
}

Result<std::vector<Order>> orders(connect::Connector& target, const std::string& job) {
  OwnSql sql(target);
  return read(sql, job);
}

Result<void> give(connect::Connector& target, const Order& order) {
  OwnSql sql(target);
  if (order.kind == "pace")
    if (auto known = learn_pace(target); !known) return known;
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
