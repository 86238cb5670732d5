#include "interpreter/ledger/sweep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/lower/sql.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

constexpr std::string_view made_before = "exports, kept plans, other databases that jobs filled from this one and what hooks were told before";

// One row; false: it could not be had.
bool one_row(connect::Connector& target, std::string_view sql, const std::function<void(RawRow)>& take) {
  auto asked = target.prepare(sql);
  bool any = false;
  auto read = asked ? (*asked)->query_raw({}, [&](RawRow row) { return take(row), any = true, false; }) : Result<void>{asked.error()};
  return read && any;
}

// Pages go into the file, overwritten, when the log is taken over; before that it has the old ones, and perhaps the log as well.
Swept in_file(connect::Connector& target) {
  Swept swept;
  std::string file;
  std::int64_t busy = 1, free_pages = 0;
  (void)one_row(target, "SELECT file FROM pragma_database_list WHERE name = 'main'", [&](RawRow row) { file = std::string(row[0].bytes); });
  const bool asked = one_row(target, "PRAGMA wal_checkpoint(TRUNCATE)", [&](RawRow row) { busy = row[0].integer; });
  if (!asked || busy != 0)
    swept.left.push_back(fmt::format("`{}` and `{}-wal` may still hold the old bytes: {}; redact again when it has ended", file, file,
                                     asked ? "another connection reads an older state of them, or writes" : "the log could not be taken over"));
  (void)one_row(target, "PRAGMA freelist_count", [&](RawRow row) { free_pages = row[0].integer; });
  swept.beyond = fmt::format("{}backups, {} still hold them",
                             free_pages > 0 ? fmt::format("free pages of `{}` may hold what others have left in them, until it is written anew (`VACUUM`); ", file) : "", made_before);
  return swept;
}

// Sessions, prepared transactions and slots for which rows are kept that were replaced since: no VACUUM takes these out. The entry of a
// redaction is of its transaction. Of sessions of others not every role may see since when they are open, nor what they are.
constexpr std::string_view held_for = R"(
WITH newest AS (SELECT max(age(l.xmin)) AS least FROM (SELECT xmin FROM bfl.ledger WHERE lane = 0 AND entry LIKE '%"kind":"redact"%' ORDER BY id DESC LIMIT 1) AS l)
SELECT CAST('session ' || pid || coalesce(' of ' || usename, '') || coalesce(', open since ' || date_trunc('second', coalesce(xact_start, backend_start)), '') AS TEXT) FROM pg_stat_activity, newest
 WHERE (datid = (SELECT oid FROM pg_database WHERE datname = current_database()) OR datid IS NULL) AND pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'autovacuum worker'
   AND greatest(age(backend_xmin), age(backend_xid)) >= least
UNION ALL SELECT CAST('prepared transaction ' || gid AS TEXT) FROM pg_prepared_xacts, newest WHERE database = current_database() AND age(transaction) >= least
UNION ALL SELECT CAST('replication slot ' || slot_name AS TEXT) FROM pg_replication_slots, newest WHERE age(xmin) >= least)";

// Of tables that are not the role's own the server passes a VACUUM over with a warning. One that is gone has nothing left.
bool may_vacuum(connect::Connector& target, std::vector<std::string>& tables) {
  std::vector<std::string> there;
  bool mine = true;
  for (const std::string& table : tables) {
    const std::string found = fmt::format("to_regclass({})", lower::quote_text(table));
    if (one_row(target, fmt::format("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = {}", found), [&](RawRow row) { mine = mine && row[0].integer != 0; })) there.push_back(table);
  }
  tables = std::move(there);
  return mine;
}

Swept on_server(connect::Connector& target, const std::vector<std::string>& relations) {
  Swept swept;
  std::vector<std::string> tables{"bfl.ledger", "bfl.stage"};
  tables.insert(tables.end(), relations.begin(), relations.end());
  const bool may = may_vacuum(target, tables);
  const std::string listed = fmt::format("{}", fmt::join(tables, ", "));
  if (!may) {
    swept.left.push_back(fmt::format("the server keeps the old bytes until the owner of the tables runs `VACUUM {}`", listed));
  } else if (auto done = target.execute("VACUUM " + listed); !done) {
    swept.left.push_back(fmt::format("the server keeps the old bytes: `VACUUM {}` failed: {}; redact again, or run it", listed, done.error().message));
  } else {
    std::vector<std::string> holders;
    auto asked = target.prepare(held_for);
    auto read = asked ? (*asked)->query_raw({}, [&](RawRow row) { return holders.emplace_back(row[0].bytes), true; }) : Result<void>{asked.error()};
    if (!read) swept.left.push_back(fmt::format("whether the server keeps the old bytes for somebody cannot be seen: {}", read.error().message));
    else if (!holders.empty()) swept.left.push_back(fmt::format("the server keeps the old rows of {} for {}; redact again when that has ended", listed, fmt::join(holders, ", ")));
  }
  swept.beyond = fmt::format("the files of the server hold the old bytes where nothing has been written over them yet: `VACUUM FULL {}` writes them anew, and locks them meanwhile; backups, archived WAL, standbys, {} still hold them",
                             listed, made_before);
  return swept;
}

}  // namespace

Swept sweep(connect::Connector& target, const std::vector<std::string>& relations) {
  fault_point("before_sweep");
  return target.engine() == "sqlite" ? in_file(target) : on_server(target, relations);
}

}  // namespace bfl::ledger
