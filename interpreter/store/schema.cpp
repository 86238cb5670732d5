#include "interpreter/store/schema.h"

namespace bfl::store {

const char* const schema = R"sql(
-- One row per `bfl run`: who ran what, and how it ended. `finished` stays empty while it runs, and for ever if it was killed.
CREATE TABLE run (
  id            TEXT PRIMARY KEY,           -- sortable: time and random part
  job           TEXT NOT NULL,
  path          TEXT NOT NULL,              -- of the script
  script_digest TEXT NOT NULL,
  version       TEXT NOT NULL,              -- of bfl
  who           TEXT NOT NULL,
  host          TEXT NOT NULL,
  pid           INTEGER NOT NULL,
  started       TEXT NOT NULL,              -- ISO 8601, UTC; so are all times
  finished      TEXT NOT NULL DEFAULT '',
  exit_code     INTEGER NOT NULL DEFAULT -1,
  begun_digest  TEXT NOT NULL DEFAULT '',   -- of what was known when it began
  ended_digest  TEXT NOT NULL DEFAULT ''    -- of how it ended
) WITHOUT ROWID;

-- The diary: what each run decided, evaluated and changed, in the order in which it happened. Never updated. Each entry hangs on
-- the one before it: its digest is over that one's digest and over its own fields.
CREATE TABLE journal (
  seq          INTEGER PRIMARY KEY,
  run          TEXT NOT NULL,
  job          TEXT NOT NULL,
  step         TEXT NOT NULL,               -- empty: about the run itself
  kind         TEXT NOT NULL,               -- the event's name, as in `bfl log`
  time         TEXT NOT NULL,
  reason       TEXT NOT NULL,
  query        TEXT NOT NULL,
  from_key     TEXT NOT NULL,               -- the chunk's bounds, as people write them
  to_key       TEXT NOT NULL,
  chunk        INTEGER NOT NULL,            -- -1: about no chunk
  rows_read    INTEGER NOT NULL,
  rows_changed INTEGER NOT NULL,
  conflicts    INTEGER NOT NULL,
  seconds      REAL NOT NULL,
  digest       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX journal_of_run ON journal (run);

-- What a second run of a finished job may be answered from, by a digest of everything that went into the first. A cache: the
-- rest of the row is compared with the target before it is believed.
CREATE TABLE finished (
  inputs          TEXT PRIMARY KEY,
  job             TEXT NOT NULL,
  target_path     TEXT NOT NULL,
  target_identity TEXT NOT NULL,
  schema_version  INTEGER NOT NULL,
  revision        INTEGER NOT NULL,
  steps           INTEGER NOT NULL,
  finished        TEXT NOT NULL,
  digest          TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX finished_of_job ON finished (job, finished);

-- The newest chunk known to be committed, per target and generation of a step: a target that shows less was restored from a
-- backup. Only ever rises.
CREATE TABLE known_chunk (
  target   TEXT NOT NULL,                   -- the target's identity
  step_row INTEGER NOT NULL,                -- id of the generation in the target
  seq      INTEGER NOT NULL,
  digest   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (target, step_row)
) WITHOUT ROWID;
)sql";

const char* const to_format_2 = R"sql(
ALTER TABLE run ADD COLUMN begun_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN ended_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE finished ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE known_chunk ADD COLUMN digest TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 2;
)sql";

const char* const to_pruned = R"sql(
-- The diary begins behind this entry, whose digest the first one that stays hangs on.
CREATE TABLE IF NOT EXISTS begins_behind (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, digest TEXT NOT NULL);
PRAGMA user_version = 3;
)sql";

}  // namespace bfl::store
