"""Commands that meet a table that is not there: the rest is done, the exit code is that of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.command_line import Shell
from tests.support.mirror import Mirror
from tests.support.source import Source

GROUPS = "hris_groups"


@pytest.fixture
def mirror(shell: Shell, source: Source, migrated_url: str) -> Shell:
    """On both kinds of database, read whole once."""
    shell.settings = source.settings(migrated_url)
    assert shell.run("backfill").code == 0
    return shell


@contextmanager
def renamed(url: str, table: str) -> Iterator[None]:
    with Mirror(url).open() as (_, connection):
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    yield
    with Mirror(url).open() as (_, connection):
        connection.exec_driver_sql(f"ALTER TABLE elsewhere RENAME TO {table}")


def test_a_table_that_is_gone_fails_its_streams_with_code_3_and_the_others_are_well(
    mirror: Shell, source: Source, migrated_url: str
) -> None:
    company = source.environment.companies[source.integration]
    company.update("hris_employees", company.ids("hris_employees")[0], job_title="Another one")
    with renamed(migrated_url, GROUPS):
        ran = mirror.run("sync", "--json")
        assert ran.code == 3
        streams = {each["model"]: each for each in ran.json["streams"]}
        assert streams[GROUPS]["outcome"] == "failed"
        assert f"The rows of {GROUPS} cannot be read or written: " in streams[GROUPS]["error"]
        assert {each["outcome"] for name, each in streams.items() if name != GROUPS} == {"complete"}
        status = mirror.run("status")
        assert (status.code, status.err) == (1, "")
        assert f"The rows of {GROUPS} cannot be read or written: " in status.out
        one = (GROUPS, "--integration", source.integration, "--id", company.ids(GROUPS)[0])
        refreshed = mirror.run("refresh", *one)
        assert refreshed.code == 3
        assert refreshed.err.startswith(f"Error: The rows of {GROUPS} cannot be read or written: ")
        reprojected = mirror.run("reproject")
        assert (reprojected.code, reprojected.err.count("\n")) == (3, 1)
    assert mirror.run("reproject").code == mirror.run("sync").code == 0
    Mirror(migrated_url).assert_equals_source(source.environment)


@pytest.mark.parametrize("table", ["sync_budgets", "sync_seen", "sync_schema_version"])
def test_a_bookkeeping_table_that_is_gone_is_one_sentence_with_code_3(
    mirror: Shell, migrated_url: str, table: str
) -> None:
    with renamed(migrated_url, table):
        # Its leases end with its process.
        ran = mirror.spawn("reconcile")
    assert ran.code == 3
    assert ran.err.startswith("Error: The database ")
    assert table in ran.err
    assert ran.err.count("\n") == 1
    assert mirror.run("reconcile").code == 0
