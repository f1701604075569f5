"""The schema: what migrations make is what the metadata says, and only a database of ours is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Inspector, insert, inspect, text, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Column
from syncer.domain.errors import DatabaseRefused, DatabaseUnavailable
from syncer.domain.native.call import Call
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.mirror_tables import MIRROR, all_tables, streams
from syncer.store.schema.native_views import make_views
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.streams import StreamStore

Program = Callable[..., Popen[str]]

#: The newest revision, by its file.
HEAD = max(file.name[:4] for file in Path(__file__).parents[3].glob("migrations/versions/[0-9]*.py"))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def shape(connection: Connection) -> dict[str, Any]:
    """Everything the database knows of its tables, in a form that compares."""
    inspector: Inspector = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "indexes": sorted(
                (
                    index["name"],
                    index["column_names"],
                    index["unique"],
                    {name: str(value) for name, value in index.get("dialect_options", {}).items()},
                )
                for index in inspector.get_indexes(table)
            ),
            "foreign keys": inspector.get_foreign_keys(table),
            "unique": inspector.get_unique_constraints(table),
            "checks": inspector.get_check_constraints(table),
        }
        for table in inspector.get_table_names()
        if table != schema.VERSION_TABLE
    }


def things(database: Database) -> set[str]:
    """Names of everything in the database that somebody made."""
    statement = (
        "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        if database.is_sqlite
        else "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    with database.read() as connection:
        return set(connection.scalars(text(statement)))


# --- upgrade and downgrade


def test_upgrading_an_empty_database_makes_what_the_metadata_says(database: Database) -> None:
    with database.read() as connection:
        made = shape(connection)
    schema.downgrade(database, "base")
    with database.begin() as connection:
        all_tables().create_all(connection)
        wanted = shape(connection)
    assert made.keys() == set(all_tables().tables)
    for table, parts in wanted.items():
        assert made[table] == parts, table


def test_an_index_of_deleted_rows_holds_only_these(database: Database) -> None:
    where = "sqlite_where" if database.is_sqlite else "postgresql_where"
    with database.read() as connection:
        for model in catalogue():
            partial = {
                index["name"]: str(index["dialect_options"][where])
                for index in inspect(connection).get_indexes(model)
                if index.get("dialect_options", {}).get(where) is not None
            }
            assert list(partial) == [f"ix_{model}_remote_deleted_at"]
            assert "remote_deleted_at IS NOT NULL" in partial[f"ix_{model}_remote_deleted_at"]


# Of an index of an expression SQLite gives nothing back to compare.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_autogenerate_finds_nothing_to_add(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": schema.VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
                "target_metadata": all_tables(),
            },
        )
        assert compare_metadata(context, all_tables()) == []


def test_a_downgrade_to_base_leaves_nothing_of_ours_and_an_upgrade_works_again(database: Database) -> None:
    before = things(database)
    assert "mirror_freshness" in before
    schema.downgrade(database, "base")
    assert things(database) == set()
    with pytest.raises(DatabaseRefused, match="has no tables yet"):
        revisions.check(database)
    schema.downgrade(database, "base")
    assert schema.migrate(database) == (None, HEAD)
    assert things(database) == before
    revisions.check(database)


def test_migrating_again_changes_nothing(database: Database) -> None:
    assert schema.migrate(database) == (HEAD, HEAD)
    assert revisions.revisions(database) == (HEAD, HEAD)


def test_a_migration_that_fails_leaves_an_empty_database(database_url: str) -> None:
    with opened(database_url) as database:
        # In its way stands an index, which is no table.
        with database.begin() as connection:
            connection.execute(text("CREATE VIEW lms_skills AS SELECT 1 AS one"))
        with pytest.raises(Exception, match="lms_skills"):
            schema.migrate(database)
        assert things(database) == {"lms_skills"}
        with database.begin() as connection:
            connection.execute(text("DROP VIEW lms_skills"))
        assert schema.migrate(database) == (None, HEAD)


MIGRATE = """
import sys
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.db.database import Database
print("ready", flush=True)
sys.stdin.readline()
database = Database(sys.argv[1])
print(*schema.migrate(database), flush=True)
database.close()
"""


def test_processes_that_migrate_at_once_do_not_collide(database_url: str, program: Program) -> None:
    processes = [program(MIGRATE, database_url) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(process.communicate()[0] for process in processes) == [f"{HEAD} {HEAD}\n", f"None {HEAD}\n"]
    with opened(database_url) as database:
        revisions.check(database)


# --- whose database it is


def test_a_database_with_another_programs_tables_is_refused_and_not_touched(database_url: str) -> None:
    with opened(database_url) as database:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE orders (id TEXT)"))
            connection.execute(text("CREATE TABLE customers (id TEXT)"))
        for use in (schema.migrate, revisions.check, revisions.revisions):
            with pytest.raises(DatabaseRefused, match=r"another program's tables \(customers, orders\)"):
                use(database)
        with pytest.raises(DatabaseRefused, match="another program's tables"):
            schema.downgrade(database, "base")
        assert things(database) == {"orders", "customers"}


def test_another_programs_tables_beside_ours_do_no_harm(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE reports (id TEXT)"))
    revisions.check(database)
    schema.migrate(database)
    schema.downgrade(database, "base")
    assert things(database) == {"reports"}


def test_the_schema_of_a_newer_version_is_refused_by_its_name(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9042'"))
    for use in (schema.migrate, revisions.check, revisions.revisions):
        with pytest.raises(DatabaseRefused, match=r"newer syncer \(9042\): upgrade syncer"):
            use(database)


def test_a_database_without_tables_is_refused_by_check(database_url: str) -> None:
    with opened(database_url) as database:
        with database.read():
            pass
        with pytest.raises(DatabaseRefused, match="has no tables yet: run `syncer migrate` first"):
            revisions.check(database)
        assert revisions.revisions(database) == (None, HEAD)
        assert things(database) == set()


def test_looking_at_a_file_that_does_not_exist_does_not_make_it(sqlite_url: str) -> None:
    with opened(sqlite_url) as database:
        for look in (revisions.check, revisions.revisions):
            with pytest.raises(
                DatabaseUnavailable, match=r"There is no database file .*: run `syncer migrate`"
            ):
                look(database)
    assert not Path(sqlite_url.removeprefix("sqlite:///")).exists()


def test_a_directory_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/nowhere/mirror.db") as database:
        with pytest.raises(DatabaseUnavailable, match="There is no database file"):
            revisions.revisions(database)
        with pytest.raises(DatabaseUnavailable, match=r"There is no folder .*/nowhere for the database file"):
            schema.migrate(database)


def test_the_known_revisions_are_those_that_alembic_finds() -> None:
    scripts = ScriptDirectory(str(Path(__file__).parents[3] / "migrations"))
    assert [each.revision for each in scripts.walk_revisions()] == list(reversed(revisions.known_revisions()))


def test_an_older_schema_is_refused_by_check(database: Database) -> None:
    *_, older, _ = revisions.known_revisions()
    schema.downgrade(database, older)
    with pytest.raises(DatabaseRefused, match="is of an older syncer: run `syncer migrate` first"):
        revisions.check(database)


# --- views


def test_a_live_view_has_the_columns_of_its_table_but_the_hash_in_their_order(database: Database) -> None:
    with database.read() as connection:
        for model in catalogue():
            view = connection.execute(text(f"SELECT * FROM {model}_live")).keys()
            table = connection.execute(text(f"SELECT * FROM {model}")).keys()
            assert list(table) == list(MIRROR[model].columns.keys())
            assert list(view) == [name for name in table if name != "content_hash"]


def test_live_views_hide_deleted_rows_alone(database: Database) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    row = {
        "integration_id": "i",
        "document": "{}",
        "content_hash": bytes(16),
        "first_seen_at": now,
        "mirrored_at": now,
    }
    with database.begin() as connection:
        for model in catalogue():
            table = MIRROR[model]
            connection.execute(insert(table).values(id="live", **row))
            connection.execute(insert(table).values(id="gone", remote_deleted_at=now, **row))
    with database.read() as connection:
        for model in catalogue():
            assert connection.scalars(text(f"SELECT id FROM {model}_live")).all() == ["live"]


def test_there_is_a_live_view_for_every_model_and_for_nothing_else(database: Database) -> None:
    with database.read() as connection:
        views = set(inspect(connection).get_view_names())
    assert views == {"mirror_freshness", "mirror_integrations", *(f"{model}_live" for model in catalogue())}


FRESHNESS = [
    "integration_id",
    "model",
    "state",
    "complete_as_of",
    "last_full_walk_at",
    "last_run_at",
    "last_outcome",
    "last_error",
    "rows_live",
    "rows_deleted",
    "lag_seconds",
    "environment",
]


def test_freshness_shows_what_the_streams_rows_say(database: Database) -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    said = {
        "state": "failed",
        "watermark": moment,
        "last_full_walk_at": moment - timedelta(days=3),
        "last_run_at": moment + timedelta(minutes=1),
        "last_outcome": "failed",
        "last_error": "The API could not answer right now.",
        "rows_live": 7,
        "rows_deleted": 2,
    }
    store = StreamStore()
    with database.begin() as connection:
        store.add(connection, [StreamKey("a", "hris_groups"), StreamKey("b", "hris_groups")])
        connection.execute(update(streams).where(streams.c.integration_id == "a").values(**said))
        store.select(connection, {StreamKey("a", "hris_groups")})
    with database.read() as connection:
        found = connection.execute(text("SELECT * FROM mirror_freshness"))
        assert list(found.keys()) == FRESHNESS
        rows = [dict(row._mapping) for row in found]
    assert len(rows) == 1
    as_moments = {
        name: datetime.fromisoformat(value) if isinstance(value, str) else value
        for name, value in rows[0].items()
        if name.endswith(("_at", "_as_of"))
    }
    assert as_moments == {
        "complete_as_of": said["watermark"],
        "last_full_walk_at": said["last_full_walk_at"],
        "last_run_at": said["last_run_at"],
    }
    assert rows[0]["integration_id"] == "a"
    assert rows[0]["lag_seconds"] is None
    assert (rows[0]["rows_live"], rows[0]["rows_deleted"]) == (7, 2)
    assert (rows[0]["state"], rows[0]["last_outcome"]) == ("failed", "failed")
    assert rows[0]["last_error"] == said["last_error"]


def test_the_lag_counts_whole_seconds_since_the_stream_was_complete_by_the_databases_clock(
    database: Database,
) -> None:
    ages = {"fresh": 0.0, "hour": 3600.4, "month": 30 * 86400 + 0.4, "ahead": -120.4}
    with database.begin() as connection:
        StreamStore().add(connection, [StreamKey(name, "hris_groups") for name in ages])
        now = database.now(connection)
        for name, age in ages.items():
            connection.execute(
                update(streams)
                .where(streams.c.integration_id == name)
                # The watermark is by Kombo's clock, which may be any.
                .values(complete_at=now - timedelta(seconds=age), watermark=now + timedelta(days=900))
            )
    with database.read() as connection:
        found = connection.execute(text("SELECT integration_id, lag_seconds FROM mirror_freshness"))
        lags = {row.integration_id: row.lag_seconds for row in found}
        passed = (database.now(connection) - now).total_seconds()
    for name, age in ages.items():
        assert isinstance(lags[name], int)
        assert age - 0.6 <= lags[name] <= age + passed + 0.6, name


def test_native_views_go_with_their_table_and_come_back_with_the_next_run(database: Database) -> None:
    listed = NativeListSpec(
        name="people",
        call=Call("hibob/v1", "GET", "/list", is_listing=True),
        integrations=("hibob:*",),
        every=timedelta(hours=1),
        records="@",
        key=("id",),
        columns=(Column("title", "text", "title", path=("title",)),),
    )
    with database.begin() as connection:
        make_views(connection, [listed])
        connection.execute(text("CREATE VIEW titles AS SELECT title FROM people_live"))
        StreamStore().add(
            connection, [StreamKey("hibob:one", "people"), StreamKey("hibob:one", "hris_employees")]
        )
        before = set(inspect(connection).get_table_names())
    schema.downgrade(database, "0002")
    with database.read() as connection:
        newer = set(inspect(connection).get_table_names())
    schema.downgrade(database, "0001")
    with database.read() as connection:
        tables, views = set(inspect(connection).get_table_names()), set(inspect(connection).get_view_names())
        columns = {each["name"] for each in inspect(connection).get_columns("sync_streams")}
    assert newer - tables == {"passthrough_records"}
    assert not {"people", "people_live"} & views
    assert "full_pages" not in columns
    schema.migrate(database)
    with database.begin() as connection:
        # An older version knows models alone.
        assert StreamStore().keys(connection) == [("hibob:one", "hris_employees")]
        connection.execute(text("DROP VIEW IF EXISTS titles"))
        make_views(connection, [listed])
        assert connection.execute(text("SELECT title FROM people_live")).all() == []
        assert set(inspect(connection).get_table_names()) == before


def test_the_view_of_integrations_says_whose_each_is_also_of_one_that_is_mirrored_no_more(
    database: Database,
) -> None:
    store, now = IntegrationStore(), datetime(2026, 1, 1, tzinfo=UTC)
    with database.begin() as connection:
        for name in ("here", "gone", "new"):
            store.add(connection, name, origin="command", models=None)
        said = {"state": "ready", "tool": "HiBob", "organisation": "Acme", "origin_id": "4711"}
        for name in ("here", "gone"):
            store.note(connection, name, now, **said)
        store.remove(connection, "gone", now)
    with database.read() as connection:
        found = connection.execute(text("SELECT * FROM mirror_integrations ORDER BY integration_id")).all()
    assert found == [
        ("gone", "default", "HiBob", "Acme", "4711", "removed"),
        ("here", "default", "HiBob", "Acme", "4711", "ready"),
        ("new", "default", None, None, None, None),
    ]
