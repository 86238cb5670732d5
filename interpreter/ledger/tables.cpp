// The tables themselves: made once, refused when a newer bfl made them.
//
// They are plain tables, not STRICT ones: a database with a STRICT table cannot be opened at all by SQLite before 3.37, and
// this is somebody else's database.
#include <fmt/format.h>

#include <vector>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/setup.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

// Which rows of a table the pack of an entry speaks of: see key_index.h. Insert-only; whoever doubts it makes it anew from the packs.
constexpr const char* key_table = R"(CREATE TABLE bfl_key (
  step INTEGER NOT NULL, lane INTEGER NOT NULL, seq INTEGER NOT NULL, name TEXT NOT NULL, low BLOB NOT NULL, high BLOB NOT NULL,
  detail BLOB NOT NULL, PRIMARY KEY (step, lane, seq, name)))";
constexpr const char* key_range = "CREATE INDEX range_of_key ON bfl_key (name, low, high)";

constexpr const char* statements[] = {
    // One row. `identity` is made once, at random, and goes into every memo key.
    R"(CREATE TABLE bfl_meta (
  id INTEGER PRIMARY KEY CHECK (id = 1), identity TEXT NOT NULL, format INTEGER NOT NULL, revision INTEGER NOT NULL))",
    // Who runs a job, and since which epoch: a take-over raises it, and every fence of an older epoch fails from then on.
    // `clock` and `parameters` are frozen from the first start of a run to its end, whatever comes between.
    R"(CREATE TABLE bfl_job (
  name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, holder TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  pid_start INTEGER NOT NULL, lease_end INTEGER NOT NULL, clock INTEGER NOT NULL, parameters TEXT NOT NULL) WITHOUT ROWID)",
    // A generation: one application of a step. The row without a name stands for the job itself: its lane holds the
    // openings, closings and passed checks.
    R"(CREATE TABLE bfl_step (
  id INTEGER PRIMARY KEY, job TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL, memo_key TEXT NOT NULL,
  components TEXT NOT NULL, route TEXT NOT NULL, schema TEXT NOT NULL, state TEXT NOT NULL, sealed_rows INTEGER NOT NULL,
  changed INTEGER NOT NULL, conflicts INTEGER NOT NULL, opened TEXT NOT NULL, closed TEXT NOT NULL,
  quarantined INTEGER NOT NULL DEFAULT 0, UNIQUE (job, name, generation)))",
    // The fence: a stretch of a step's walk, how far it has come, and under which epoch it may go on. `opening` is the hash
    // of the entry that opened it: its first chunk's entry hangs on it.
    R"(CREATE TABLE bfl_lane (
  step INTEGER NOT NULL, lane INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, cursor BLOB, upto BLOB NOT NULL,
  opening BLOB NOT NULL, PRIMARY KEY (step, lane)) WITHOUT ROWID)",
    // What a chunk did: facts, and the images of its rows. Insert-only.
    R"(CREATE TABLE bfl_ledger (
  id INTEGER PRIMARY KEY, step INTEGER NOT NULL, lane INTEGER NOT NULL, seq INTEGER NOT NULL, entry TEXT NOT NULL,
  hash BLOB NOT NULL, pack BLOB, UNIQUE (step, lane, seq)))",
    // Sealed sets: what a staged step intends, kept before anything is changed. Insert-only.
    R"(CREATE TABLE bfl_stage (
  step INTEGER NOT NULL, block INTEGER NOT NULL, first INTEGER NOT NULL, rows INTEGER NOT NULL, root BLOB NOT NULL, pack BLOB NOT NULL,
  PRIMARY KEY (step, block)))",
    key_table, key_range, control_table,
};

struct Meta { std::string identity; std::int64_t format = 0, revision = 0; };

Result<Meta> read_meta(connect::Connector& target) {
  auto statement = target.prepare(in_dialect("SELECT identity, format, revision FROM bfl_meta", target.engine()));
  if (!statement) return statement.error();
  Meta meta;
  auto read = (*statement)->query_raw({}, [&](RawRow row) {
    meta = {std::string(row[0].bytes), row[1].integer, row[2].integer};
    return false;
  });
  if (!read) return read.error();
  if (meta.format > format_version)
    return Error{
        ErrorClass::refused,
        fmt::format("the ledger in the target has format {}, which is newer than this bfl (up to {})", meta.format, format_version),
        {},
        "use the bfl that wrote it, or a newer one"};
  return meta;
}

Result<bool> has_table(connect::Connector& target, const char* name) {
  auto found = target.prepare(target.engine() == "postgres" ? fmt::format("SELECT 1 FROM pg_tables WHERE schemaname = 'bfl' AND tablename = '{}'", name)
                                                            : fmt::format("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'bfl_{}'", name));
  if (!found) return found.error();
  bool any = false;
  if (auto read = (*found)->query_raw({}, [&](RawRow) { return !(any = true); }); !read) return read.error();
  return any;
}

}  // namespace

std::vector<std::string> set_up_statements(const std::string& engine) {
  const bool postgres = engine == "postgres";
  std::vector<std::string> all;
  if (postgres) all.push_back("CREATE SCHEMA IF NOT EXISTS bfl");
  for (const char* sql : statements) all.push_back(in_dialect(sql, engine));
  // Compressed already: trying again would cost time and gain nothing.
  for (const char* column : {"ledger ALTER COLUMN pack", "stage ALTER COLUMN pack", "key ALTER COLUMN detail"})
    if (postgres) all.push_back(fmt::format("ALTER TABLE bfl.{} SET STORAGE EXTERNAL", column));
  const char* identity = postgres ? "replace(CAST(gen_random_uuid() AS TEXT), '-', '')" : "lower(hex(randomblob(16)))";
  all.push_back(in_dialect(fmt::format("INSERT INTO bfl_meta VALUES (1, {}, {}, 0)", identity, format_version), engine));
  return all;
}

std::vector<Grant> grants(const std::string& role) {
  const auto on = [&](const char* rights, const char* tables, const char* purpose) { return Grant{fmt::format("GRANT {} ON {} TO {}", rights, tables, role), purpose}; };
  return {on("USAGE", "SCHEMA bfl", "to run jobs"),
          on("SELECT, UPDATE", "bfl.meta", "to run jobs"),
          on("SELECT, INSERT, UPDATE", "bfl.job, bfl.step, bfl.lane, bfl.control", "to run jobs, and for orders to them"),
          on("SELECT, INSERT", "bfl.ledger, bfl.stage, bfl.key", "to run jobs: what they have done stays as it is"),
          on("CREATE", "SCHEMA bfl", "only for jobs that keep relations: `snapshot`, `NAME.inserted`")};
}

Result<bool> exists(connect::Connector& target) { return has_table(target, "meta"); }

Result<std::vector<std::string>> missing_tables(connect::Connector& target) {
  std::vector<std::string> missing;
  for (const char* name : {"meta", "job", "step", "lane", "ledger", "stage"}) {  // those of the first format
    auto there = has_table(target, name);
    if (!there) return there.error();
    if (!*there) missing.push_back(fmt::format("bfl_{}", name));
  }
  return missing;
}

namespace {

Result<void> create(connect::Connector& target) {
  if (auto begun = target.begin_write(connect::WriteKind::own); !begun) return begun;
  auto there = exists(target);
  Result<void> done = there ? Result<void>{} : Result<void>{there.error()};
  if (there && !*there) {  // not made by another run meanwhile
    for (const std::string& sql : set_up_statements(target.engine())) {
      if (done) done = target.execute(sql);
      fault_point("making_tables");
    }
  }
  if (!done) {
    target.rollback();
    // Two first runs at once: the other one has made them.
    auto others = exists(target);
    return others && *others ? Result<void>{} : done;
  }
  auto committed = target.commit();
  fault_point("after_tables");
  if (!committed && target.in_transaction()) target.rollback();
  return committed;
}

// Format 1 had no index of keys: what it holds stays without one. Format 2 had no orders, format 3 no quarantine.
Result<void> bring_up(connect::Connector& target) {
  if (auto begun = target.begin_write(connect::WriteKind::own); !begun) return begun;
  Result<void> done;
  auto meta = read_meta(target);
  if (!meta) done = meta.error();
  else if (meta->format < format_version) {
    std::vector<const char*> changes;
    if (meta->format == 1) changes = {key_table, key_range};
    if (meta->format <= 2) changes.push_back(control_table);
    const bool postgres = target.engine() == "postgres";
    changes.insert(changes.end(), {postgres ? "ALTER TABLE bfl_step ADD COLUMN quarantined BIGINT NOT NULL DEFAULT 0" : "ALTER TABLE bfl_step ADD COLUMN quarantined INTEGER NOT NULL DEFAULT 0",
                                   "UPDATE bfl_meta SET format = 4"});
    for (const char* sql : changes)
      if (done) done = target.execute(in_dialect(sql, target.engine()));
  }
  if (done) done = target.commit();
  if (!done && target.in_transaction()) target.rollback();
  return done;
}

}  // namespace

Result<void> set_up(connect::Connector& target) {
  // When the connection goes while they are made, nobody knows whether they were: that is looked up.
  constexpr int attempts = 4;
  for (int attempt = 1;; ++attempt) {
    auto there = exists(target);
    if (!there) return there.error();
    if (*there) break;
    auto made = create(target);
    if (made) break;
    const ErrorClass kind = made.error().kind;
    if ((kind != ErrorClass::transient && kind != ErrorClass::unknown_commit) || attempt == attempts) return made;
  }
  auto meta = read_meta(target);
  if (!meta) return meta.error();
  return meta->format < format_version ? bring_up(target) : Result<void>{};
}

Result<std::string> identity(connect::Connector& target) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return std::string();
  auto meta = read_meta(target);
  if (!meta) return meta.error();
  return meta->identity;
}

Result<int> format(connect::Connector& target) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return 0;
  auto meta = read_meta(target);
  if (!meta) return meta.error();
  return static_cast<int>(meta->format);
}

Result<std::int64_t> revision(connect::Connector& target) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return std::int64_t{0};
  auto meta = read_meta(target);
  if (!meta) return meta.error();
  return meta->revision;
}

}  // namespace bfl::ledger
