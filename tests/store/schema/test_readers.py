"""Roles whose rights are of an older classification, or not what they were given: named, with what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.grants import grant_read
from syncer.store.schema.readers import outdated_readers
from tests.support.databases import PostgresServer
from tests.support.readers import MakeReader, Reader

COMMENT = "Rows of hris_employees that are not deleted, without its sensitive columns"
#: What has happened to the rights of a role without sensitive columns ({role}), and what is said of it.
CHANGES = {
    "a column has come to be sensitive": (
        "GRANT SELECT (ssn) ON hris_employees TO {role}",
        "could still read hris_employees.ssn, by what was granted to it or to PUBLIC",
    ),
    "the bookkeeping was opened to it": (
        "GRANT SELECT ON sync_runs TO {role}",
        "could still read sync_runs.id, by what was granted to it or to PUBLIC",
    ),
    "the bookkeeping was opened to everybody": (
        "GRANT SELECT ON sync_quarantine TO PUBLIC",
        "could still read sync_quarantine.environment, by what was granted to it or to PUBLIC",
    ),
    "a column has come": (
        "REVOKE SELECT (job_title) ON hris_employees FROM {role}",
        "does not see hris_employees.job_title that are for it now",
    ),
    "a view has come": (
        "REVOKE ALL ON mirror_changes_safe FROM {role}",
        "does not see mirror_changes_safe.sequence and 7 more columns that are for it now",
    ),
    "a view is of an older version": (
        f"COMMENT ON VIEW hris_employees_safe IS '{COMMENT}'",
        "reads hris_employees_safe, which shows what another version took for safe",
    ),
}


@pytest.fixture
def database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Database]:
    with postgres_server.database(postgres_template) as url:
        database = Database(url)
        yield database
        database.close()


def troubles(database: Database, reader: Reader) -> list[str]:
    """What is said of the role."""
    with database.read() as connection:
        return [each for each in outdated_readers(connection) if reader.name in each]


@pytest.mark.parametrize("without_sensitive", [True, False])
def test_nothing_is_said_of_a_role_that_was_just_let_in(
    database: Database, make_reader: MakeReader, without_sensitive: bool
) -> None:
    reader, monitor = make_reader(database), make_reader(database)
    grant_read(database, reader.name, without_sensitive=without_sensitive)
    with database.begin() as connection:
        connection.exec_driver_sql(f"GRANT SELECT ON mirror_freshness, hris_groups TO {monitor.name}")
    assert troubles(database, reader) == troubles(database, monitor) == []


@pytest.mark.parametrize(("statement", "said"), CHANGES.values(), ids=CHANGES)
def test_a_role_whose_rights_are_not_todays_is_named_until_it_is_let_in_again(
    database: Database, make_reader: MakeReader, statement: str, said: str
) -> None:
    reader = make_reader(database)
    grant_read(database, reader.name, without_sensitive=True)
    with database.begin() as connection:
        connection.exec_driver_sql(statement.format(role=reader.name))
    again = f"run `syncer migrate --grant-read {reader.name} --without-sensitive` again"
    assert troubles(database, reader) == [f"role '{reader.name}' {said}; {again}"]
    with database.begin() as connection:
        connection.exec_driver_sql("REVOKE ALL ON sync_quarantine FROM PUBLIC")
    grant_read(database, reader.name, without_sensitive=True)
    assert troubles(database, reader) == []


def test_a_role_with_everything_is_named_where_something_is_new(
    database: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(database)
    grant_read(database, reader.name, without_sensitive=False)
    with database.begin() as connection:
        connection.exec_driver_sql(f"REVOKE ALL ON mirror_changes FROM {reader.name}")
        connection.exec_driver_sql(f"GRANT SELECT ON sync_integrations TO {reader.name}")
    (said,) = troubles(database, reader)
    assert "does not see mirror_changes.sequence and 8 more columns" in said
    assert said.endswith(f"run `syncer migrate --grant-read {reader.name}` again")


def test_nothing_is_said_of_a_database_that_is_of_another_version(
    database: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(database)
    grant_read(database, reader.name, without_sensitive=True)
    schema.downgrade(database, revisions.known_revisions()[-2])
    assert troubles(database, reader) == []
