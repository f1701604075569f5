"""What ``from syncer import …`` gives: a mirror that a program fills and reads without the command line."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import text

import syncer
from syncer import Mirror, Outcome, SyncerError, UsageError
from syncer.testing.kombo_simulator import KomboSimulator, simulated
from tests.support.log_setup import logging_put_back

GROUPS = "hris_groups"


@pytest.fixture
def kombo() -> Iterator[KomboSimulator]:
    with simulated(records=100) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    # Another test of this process may have set it up.
    structlog.reset_defaults()
    with logging_put_back():
        yield


def mirror(kombo: KomboSimulator, url: str) -> Mirror:
    return Mirror(
        kombo={"api_key": kombo.api_key, "base_url": kombo.url},
        database={"url": url},
        integrations=[{"id": kombo.integration}],
        sync={"models": ["hris_groups", "hris_locations"]},
    )


def names(of: Mirror) -> set[str]:
    with of.connect() as connection:
        return set(connection.scalars(text("SELECT name FROM hris_groups_live")))


def test_a_program_fills_syncs_and_reads_a_mirror(
    kombo: KomboSimulator,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = mirror(kombo, database_url)
    with caplog.at_level(logging.INFO, "syncer"):
        assert {each.outcome for each in ours.backfill()} == {Outcome.COMPLETE}
    assert any(each.startswith("event=run_ended integration=personio:") for each in caplog.messages)
    assert capsys.readouterr() == ("", "")
    assert names(ours) == {row["name"] for row in kombo.company.rows(GROUPS, include_deleted=False)}
    kombo.company.update(GROUPS, kombo.company.ids(GROUPS)[0], name="Renamed")

    async def in_a_coroutine() -> list[syncer.Result]:
        return await asyncio.to_thread(ours.sync, models=["hris_g*"])

    [result] = asyncio.run(in_a_coroutine())
    assert (result.key.model, result.counts.updated) == (GROUPS, 1)
    assert "Renamed" in names(ours)


def test_a_stream_that_fails_is_a_result(kombo: KomboSimulator, sqlite_url: str) -> None:
    kombo.fail(GROUPS, 400)
    outcomes = {each.key.model: each.outcome for each in mirror(kombo, sqlite_url).backfill()}
    assert outcomes == {GROUPS: Outcome.FAILED, "hris_locations": Outcome.COMPLETE}


def test_settings_that_cannot_be_used_are_an_error_without_their_values() -> None:
    with pytest.raises(UsageError, match=r"sync\.models") as wrong:
        Mirror(kombo={"api_key": "the-key"}, sync={"models": 7})
    assert "the-key" not in str(wrong.value)
    with pytest.raises(UsageError, match="not both"):
        Mirror("config.toml", database={})
    with pytest.raises(SyncerError, match=r"missing\.toml"):
        Mirror("missing.toml")


def test_to_import_the_package_imports_nothing_else_until_a_name_is_used() -> None:
    program = "import sys, syncer; print([each for each in sys.modules if each.startswith('syncer')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['syncer']\n"
    assert all(getattr(syncer, name) is not None for name in syncer.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = syncer.no_such_name
