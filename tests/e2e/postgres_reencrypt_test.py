#!/usr/bin/env python3
"""examples/reencrypt.bfl on PostgreSQL."""
from harness import main
from postgres_harness import on_postgres
from reencrypting import reencrypts


@on_postgres
def tokens_change_their_key(place, db):
    return reencrypts(place, ["--source", f"app={db.url}"], db.sql, place.env)


if __name__ == "__main__":
    main([tokens_change_their_key])
