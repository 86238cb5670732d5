#include "interpreter/store/prune.h"

#include "interpreter/store/schema.h"
#include "interpreter/store/sqlite.h"
#include "interpreter/store/state.h"

namespace bfl::store {
namespace {

// How many rows it changes.
Result<std::int64_t> changed(Database& database, Statement& statement) {
  if (auto done = statement.run(); !done) return done.error();
  Statement count(database, "SELECT changes()");
  auto row = count.next();
  if (!row) return row.error();
  return count.integer(0);
}

// The end of the diary's part that goes: whole runs, whose events others' may lie between. The newest entry stays whatever it is of, and with
// it its run: numbers and digests go on from it.
Result<std::int64_t> last_to_go(Database& database, const std::string& before) {
  Statement last(database, "SELECT coalesce(max(seq), 0) FROM journal WHERE seq < coalesce((SELECT min(seq) FROM journal WHERE run = (SELECT run FROM journal ORDER BY seq DESC LIMIT 1)"
                           " OR run IN (SELECT id FROM run WHERE CASE finished WHEN '' THEN started ELSE finished END >= ?)), 0)");
  if (auto found = last.bind(before).next(); !found) return found.error();
  for (std::int64_t seq = last.integer(0);;) {
    Statement cut(database, "SELECT coalesce(min(first), 0) FROM (SELECT min(seq) AS first FROM journal GROUP BY run HAVING min(seq) <= ? AND max(seq) > ?)");
    if (auto found = cut.bind(seq).bind(seq).next(); !found) return found.error();
    if (cut.integer(0) == 0) return seq;
    seq = cut.integer(0) - 1;
  }
}

}  // namespace

Result<Pruned> prune(const std::string& path, const std::string& before) {
  if (auto known = open_state(path); !known) return known.error();
  auto database = Database::open(path);
  if (!database) return database.error();
  if (auto set = database->execute("PRAGMA secure_delete = ON"); !set) return set.error();
  auto transaction = Transaction::begin(*database);
  if (!transaction) return transaction.error();
  Pruned pruned;
  auto last = last_to_go(*database, before);
  if (!last) return last.error();
  if (const std::int64_t seq = *last; seq > 0) {
    if (auto marked = database->execute(to_pruned); !marked) return marked.error();
    if (auto begins = Statement(*database, "INSERT OR REPLACE INTO begins_behind SELECT 1, seq, digest FROM journal WHERE seq = ?").bind(seq).run(); !begins) return begins.error();
    auto entries = changed(*database, Statement(*database, "DELETE FROM journal WHERE seq <= ?").bind(seq));
    if (!entries) return entries.error();
    pruned.entries = *entries;
  }
  auto runs = changed(*database, Statement(*database, "DELETE FROM run WHERE CASE finished WHEN '' THEN started ELSE finished END < ? AND id NOT IN (SELECT run FROM journal)").bind(before));
  if (!runs) return runs.error();
  pruned.runs = *runs;
  if (auto committed = transaction->commit(); !committed) return committed.error();
  Statement taken_over(*database, "PRAGMA wal_checkpoint(TRUNCATE)");
  auto row = taken_over.next();
  pruned.left_in_files = !row || taken_over.integer(0) != 0;
  return pruned;
}

}  // namespace bfl::store
