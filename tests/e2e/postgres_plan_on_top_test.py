#!/usr/bin/env python3
"""Steps that look at what others change are planned on top of it, and nothing of it stays: on PostgreSQL."""
import on_top
from both_engines import OnPostgres
from harness import expect, main
from postgres_harness import on_postgres


def there(test):
    @on_postgres
    def run(place, database):
        test(place, OnPostgres(place, database, 5))
    run.__name__ = test.__name__
    return run


@on_postgres
def nothing_stays_and_no_number_is_taken(place, database):
    db = OnPostgres(place, database, 5)
    on_top.make(place, db)
    place.write("chain.bfl", on_top.JOB.format(source=db.source))
    figures = lambda: (db.value("SELECT last_value FROM parts_id_seq"), db.value("SELECT count(*) FROM pg_class"), db.value("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"))
    before = figures()
    on_top.plan(place, "chain.bfl")
    expect(figures() == before, f"{before}, then {figures()}")


@on_postgres
def without_the_right_to_make_temporary_tables_it_says_so(place, database):
    db = OnPostgres(place, database, 5)
    on_top.make(place, db)
    role = database.name + "_reader"
    db.sql(f"CREATE ROLE {role} LOGIN")
    try:
        db.sql(f"REVOKE TEMP ON DATABASE {database.name} FROM PUBLIC")
        db.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        place.write("chain.bfl", on_top.JOB.format(source=db.source))
        rest = database.url.split("://", 1)[1]
        place.env = {"SHOP_URL": f"postgres://{role}@{rest.rsplit('@', 1)[-1]}"}
        steps = on_top.plan(place, "chain.bfl")
        expect(steps["marked"]["counted_before"] == ["grow"] and "permission denied" in steps["marked"]["why_counted_before"], steps["marked"])
    finally:
        db.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


if __name__ == "__main__":
    main([*map(there, on_top.TESTS), nothing_stays_and_no_number_is_taken, without_the_right_to_make_temporary_tables_it_says_so])
