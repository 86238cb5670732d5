// The tables of the state file. One statement a table, with what it is for.
#pragma once

namespace bfl::store {

inline constexpr const char* schema = R"sql(
-- One row per `bfl run`: who ran what, and how it ended. `finished` is empty while it runs, or for ever when it was killed.
CREATE TABLE run (
  id TEXT PRIMARY KEY, job TEXT NOT NULL, path TEXT NOT NULL, script_digest TEXT NOT NULL, version TEXT NOT NULL,
  who TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  started TEXT NOT NULL, finished TEXT NOT NULL DEFAULT '', exit_code INTEGER NOT NULL DEFAULT -1
) WITHOUT ROWID;
-- The diary: every evaluated step and chunk, in order.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY, run TEXT NOT NULL, job TEXT NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL, time TEXT NOT NULL,
  reason TEXT NOT NULL, query TEXT NOT NULL, from_key TEXT NOT NULL, to_key TEXT NOT NULL,
  chunk INTEGER NOT NULL, rows_read INTEGER NOT NULL, rows_changed INTEGER NOT NULL, conflicts INTEGER NOT NULL, seconds REAL NOT NULL
);
CREATE INDEX journal_run ON journal (run);
-- What a second run of a finished job may be answered from; a cache, never the truth.
CREATE TABLE finished (
  inputs TEXT PRIMARY KEY, job TEXT NOT NULL, target_path TEXT NOT NULL, target_identity TEXT NOT NULL,
  schema_version INTEGER NOT NULL, revision INTEGER NOT NULL, steps INTEGER NOT NULL, finished TEXT NOT NULL
) WITHOUT ROWID;
-- The newest chunk known to be committed: a target that shows less has been restored from a backup.
CREATE TABLE known (
  target TEXT NOT NULL, step INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target, step)
) WITHOUT ROWID;
)sql";

}  // namespace bfl::store
