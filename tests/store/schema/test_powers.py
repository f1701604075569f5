"""What a role has been given before, by whom ever: taken back, or a reason to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.schema import revisions
from syncer.store.schema.grants import grant_read
from tests.support.databases import PostgresServer
from tests.support.readers import MakeReader, Reader

#: Grants to somebody whom a role without sensitive columns is, or can become, and what is said of them.
TOO_MUCH = (
    ("SELECT ON sync_quarantine", r"could still read sync_quarantine\."),
    ("SELECT (error) ON sync_runs", r"could still read sync_runs\.error"),
    ("SELECT ON sync_schema_version", r"could still read sync_schema_version\."),
    ("SELECT (before) ON mirror_changes", r"could still read mirror_changes\.before"),
    ("SELECT (record_id) ON mirror_changes", r"could still read mirror_changes\.record_id"),
    ("SELECT ON passthrough_records", r"could still read passthrough_records\."),
    ("SELECT (address) ON hris_locations_live", r"could still read hris_locations_live\.address"),
    ("SELECT ON hris_payslip_line_items", r"could still read hris_payslip_line_items\."),
    ("INSERT ON sync_streams", "could still change sync_streams"),
    ("UPDATE (job_title) ON hris_employees", "could still change hris_employees"),
    ("DELETE ON ats_tags", "could still change ats_tags"),
    ("TRIGGER ON hris_groups", "could still change hris_groups"),
    ("CREATE ON SCHEMA public", 'could still make .*REVOKE CREATE ON SCHEMA "public"'),
    ('CREATE ON DATABASE "{database}"', 'could still make .*REVOKE CREATE ON DATABASE "'),
)


@pytest.fixture(scope="module")
def migrated(postgres_template: str, postgres_server: PostgresServer) -> Iterator[Database]:
    """The database of all tests here, which leave it as it was."""
    with postgres_server.database(postgres_template) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def give(migrated: Database) -> Iterator[Callable[[str, str], None]]:
    """``give(what, to)`` grants it until the test ends."""
    given: list[tuple[str, str]] = []

    def give(what: str, to: str) -> None:
        what = what.format(database=migrated.engine.url.database)
        given.append((what, to))
        run(migrated, f"GRANT {what} TO {to}")

    yield give
    for what, to in given:
        run(migrated, f"REVOKE {what} FROM {to}")


def run(database: Database, statement: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(statement)


def refused(database: Database, reader: Reader, why: str) -> None:
    with pytest.raises(UsageError, match=why) as error:
        grant_read(database, reader.name, without_sensitive=True)
    assert str(error.value).lower().endswith("nothing was granted.")
    assert not reader.may("SELECT id FROM hris_employees")


@pytest.mark.parametrize(("what", "why"), TOO_MUCH)
@pytest.mark.parametrize("is_everybody", [True, False])
def test_what_everybody_or_a_role_it_belongs_to_was_granted_is_a_reason_to_refuse(
    migrated: Database,
    make_reader: MakeReader,
    give: Callable[[str, str], None],
    what: str,
    why: str,
    is_everybody: bool,
) -> None:
    reader = make_reader(migrated)
    if is_everybody:
        give(what, "PUBLIC")
        refused(migrated, reader, f"{why}.* PUBLIC")
    else:
        more = make_reader(migrated, name="more")
        give(what, more.name)
        run(migrated, f"GRANT {more.name} TO {reader.name}")
        refused(migrated, reader, f"for it is a member of '{more.name}'")


@pytest.mark.parametrize("options", ["SUPERUSER", "REPLICATION", "CREATEROLE"])
def test_a_role_that_reaches_everything_by_itself_is_refused(
    migrated: Database, make_reader: MakeReader, options: str
) -> None:
    reader = make_reader(migrated, options)
    with pytest.raises(UsageError, match=f"could still read or do .* as {options}: take that from it first"):
        grant_read(migrated, reader.name, without_sensitive=True)


@pytest.mark.parametrize(
    "power",
    ["pg_read_all_data", "pg_read_server_files", "pg_signal_backend", "pg_monitor", "pg_write_all_data"],
)
def test_a_member_of_a_role_of_postgresqls_own_that_reaches_further_is_refused(
    migrated: Database, make_reader: MakeReader, power: str
) -> None:
    reader = make_reader(migrated)
    run(migrated, f"GRANT {power} TO {reader.name}")
    told = "pg_read_all_stats|pg_stat_scan_tables" if power == "pg_monitor" else power
    with pytest.raises(UsageError, match=f"as a member of '({told})'"):
        grant_read(migrated, reader.name, without_sensitive=True)


def test_what_the_role_itself_was_granted_is_taken_back_and_named(
    migrated: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(migrated)
    for what in (
        "SELECT ON sync_runs, sync_integrations, passthrough_records, mirror_changes",
        "SELECT, UPDATE ON hris_employees",
        "SELECT (document) ON sync_quarantine",
        "CREATE ON SCHEMA public",
    ):
        run(migrated, f"GRANT {what} TO {reader.name}")
    granted = grant_read(migrated, reader.name, without_sensitive=True)
    assert granted.taken_back == [
        *("mirror_changes", "passthrough_records", "sync_integrations", "sync_quarantine", "sync_runs")
    ]
    for statement in (
        "SELECT error FROM sync_runs",
        "SELECT document FROM sync_quarantine",
        "UPDATE hris_employees SET job_title = NULL",
        "CREATE TABLE public.mine (a int)",
    ):
        assert not reader.may(statement), statement
    assert grant_read(migrated, reader.name, without_sensitive=True).taken_back == []


def test_views_of_somebody_elses_are_left_alone(migrated: Database, make_reader: MakeReader) -> None:
    reader = make_reader(migrated)
    run(migrated, "CREATE VIEW headcount AS SELECT count(*) AS people FROM hris_employees")
    run(migrated, f"GRANT SELECT ON headcount TO {reader.name}")
    assert grant_read(migrated, reader.name, without_sensitive=True).taken_back == []
    assert reader.may("SELECT people FROM headcount")
    run(migrated, "DROP VIEW headcount")


def test_a_reporting_role_sees_changes_of_models_without_values(
    migrated: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(migrated)
    grant_read(migrated, reader.name, without_sensitive=True)
    assert reader.may("SELECT * FROM mirror_changes_safe")
    for column in ("sequence", "record_id", "before"):
        assert not reader.may(f"SELECT {column} FROM mirror_changes")
    with migrated.read() as connection:
        options = connection.scalar(
            text("SELECT reloptions FROM pg_class WHERE oid = 'mirror_changes_safe'::regclass")
        )
    assert options == ["security_barrier=true"]
    revisions.check(migrated)
