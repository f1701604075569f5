"""Presence of services among the processes of their database."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from syncer import __version__
from syncer.operations.process_report import describe_process
from syncer.operations.status import status
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import processes
from syncer.store.state.processes import FORGOTTEN_AFTER, SILENT_AFTER
from tests.support.kept_back import kept_back
from tests.support.mirror import Mirror
from tests.support.source import make_environment
from tests.support.told_service import ToldService
from tests.support.webhooks import data_changed


@pytest.fixture
def told(migrated_url: str) -> ToldService:
    return ToldService(make_environment(records=60), Mirror(migrated_url), {})


def present(told: ToldService) -> list[Any]:
    with told.database() as connection:
        return list(connection.execute(select(processes)))


async def test_each_service_is_there_while_it_runs_and_gone_when_it_has_ended(told: ToldService) -> None:
    async with told.serving(processes=2) as apps:
        await told.until(lambda: len(present(told)) == 2, "both services")
        found = present(told)
        assert {each.owner for each in found} == {app.owner for app in apps}
        here = ("service", socket.gethostname(), os.getpid(), __version__)
        assert {(each.role, each.host, each.pid, each.version) for each in found} == {here}
    assert not present(told)


async def test_status_says_who_works_on_how_many_streams(told: ToldService) -> None:
    async with told.serving() as [app]:
        with kept_back(told.environment, Match(model="hris_groups")):
            await told.tell(data_changed(told.company.integration_id, "hris_teams"))
            shown = await told.until(
                lambda: (found := status(app)["processes"]) and found[0]["running"] and found, "its run"
            )
        assert [(each["running"], each["is_alive"]) for each in shown] == [(1, True)]
        assert f"(pid {os.getpid()}): up for" in describe_process(shown[0])


async def test_who_was_killed_is_shown_as_silent_and_forgotten_after_a_day(told: ToldService) -> None:
    async with told.serving() as [app]:
        await told.until(lambda: present(told), "the service")

        def say_last(ago: timedelta) -> None:
            with told.mirror.open() as (database, connection):
                row = {**present(told)[0]._mapping, "owner": "killed"}
                row["heartbeat_at"] = database.now(connection) - ago
                connection.execute(delete(processes).where(processes.c.owner == "killed"))
                connection.execute(processes.insert(), row)

        say_last(SILENT_AFTER)
        silent = [each for each in status(app)["processes"] if not each["is_alive"]]
        assert ["its last heartbeat was" in describe_process(each) for each in silent] == [True]
        say_last(FORGOTTEN_AFTER)
    # The next one forgets it.
    async with told.serving():
        await told.until(lambda: [each.owner != "killed" for each in present(told)] == [True], "one alone")
