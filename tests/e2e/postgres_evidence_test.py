#!/usr/bin/env python3
"""Signed checkpoints and exported ledgers of a PostgreSQL database."""
import uuid

from evidence_test import anchored, exported
from harness import main
from postgres_harness import on_postgres, psql

POSTGRES = 'postgres(env("SHOP_URL"))'


@on_postgres
def anchors_on_postgres(place, db):
    db.shop(200)
    copied = "t_" + uuid.uuid4().hex[:12]

    def again(source, to):
        psql(db.server, f"DROP DATABASE IF EXISTS {to} WITH (FORCE)")
        psql(db.server, f"CREATE DATABASE {to} TEMPLATE {source}")

    try:
        anchored(place, POSTGRES, lambda: again(db.name, copied), lambda: again(copied, db.name))
    finally:
        psql(db.server, f"DROP DATABASE IF EXISTS {copied}")


@on_postgres
def export_from_postgres(place, db):
    db.shop(1200)
    exported(place, POSTGRES, 1200)


main([anchors_on_postgres, export_from_postgres])
