"""Effects of stored events: found once, beside runs that have streams locked, whoever has stored them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from sqlalchemy import Table, select, update

from syncer.app import App
from syncer.daemon import event_applier, integration_events
from syncer.daemon.event_applier import EventApplier
from syncer.daemon.inbox import Inbox
from syncer.domain.errors import DatabaseUnavailable
from syncer.domain.webhooks.event import Event, parse_event
from syncer.operations.webhooks import Applied, apply_events, store_events
from syncer.store.schema.mirror_tables import streams, webhook_events
from syncer.store.schema.schema_lock import lock_schema
from tests.support.alone import alone
from tests.support.locks import WAITING_FOR_LOCKS
from tests.support.mirror import Mirror
from tests.support.source import make_environment
from tests.support.told_service import ToldService
from tests.support.waiting import until_async
from tests.support.webhooks import data_changed

ON_POSTGRESQL = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
GROUPS, LOCATIONS = "hris_groups", "hris_locations"


@pytest.fixture
def told(migrated_url: str) -> ToldService:
    """One integration."""
    return ToldService(make_environment(records=120), Mirror(migrated_url))


@asynccontextmanager
async def known(told: ToldService) -> AsyncIterator[App]:
    """A mirror whose streams are known and not due."""
    async with told.app() as app:
        app.open_database()
        async with alone(app).open() as (_, integrations):
            await alone(app).selection.refresh_streams(integrations)
        yield app


def changed(told: ToldService, *names: str) -> Event:
    return parse_event(data_changed(told.company.integration_id, *names))


def due(told: ToldService) -> set[str]:
    """Lists that are due."""
    is_told = streams.c.told_at.is_not(None)
    with told.database() as connection:
        return set(connection.execute(select(streams.c.model).where(is_told)).scalars())


def actions(told: ToldService) -> list[str | None]:
    """What is to be done about the events, by arrival."""
    return [each.action for each in told.events()]


@contextmanager
def writing_a_page(told: ToldService, model: str) -> Iterator[None]:
    """Have the stream's row locked, as a run has that writes a page of it."""
    with told.mirror.open() as (_, connection):
        connection.execute(update(streams).where(streams.c.model == model).values(failures=0))
        yield


@ON_POSTGRESQL
async def test_neither_an_answer_nor_another_stream_waits_for_a_page(told: ToldService) -> None:
    async with known(told) as app:
        applier = EventApplier(alone(app), lambda: None)
        inbox = Inbox(alone(app), lambda: None)
        with writing_a_page(told, LOCATIONS):
            for names in (["hris_locations"], ["hris_locations", "hris_teams"], ["hris_teams"]):
                assert await inbox.put(changed(told, *names)) == "accepted"
            applier.wake()
            await until_async(lambda: due(told) == {GROUPS}, "the effect of the third")
            assert actions(told) == ["apply", "apply", None]
            await until_async(lambda: told.mirror.fetch(WAITING_FOR_LOCKS) != [(0,)], "the wait for the page")
            # Whoever waits for one stream keeps nobody from another.
            with told.mirror.open() as (_, connection):
                free = select(streams.c.model).where(streams.c.model == GROUPS)
                assert connection.execute(free.with_for_update(nowait=True)).scalar_one() == GROUPS
        await until_async(lambda: actions(told) == [None] * 3, "the effects of the others")
        assert due(told) == {GROUPS, LOCATIONS}


async def test_events_that_keep_coming_have_their_effects_together(
    told: ToldService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_applier, "REST", 1.0)
    async with known(told) as app, asyncio.TaskGroup() as tasks:
        found = list[int]()

        async def put_more() -> None:
            for name in ("hris_teams", "hris_locations", "hris_employees"):
                await inbox.put(changed(told, name))

        def on_effect() -> None:
            found.append(actions(told).count(None))
            if len(found) == 1:
                tasks.create_task(put_more())

        applier = EventApplier(alone(app), on_effect)
        inbox = Inbox(alone(app), applier.wake)
        await inbox.put(changed(told, "hris_teams"))
        await until_async(lambda: found[-1:] == [4], "all effects")
    assert found == [1, 4]


@ON_POSTGRESQL
async def test_of_two_processes_one_finds_the_effect(told: ToldService) -> None:
    async with known(told) as app:
        environment = alone(app)
        with app.database.begin() as connection:
            store_events(environment, connection, [changed(told, "hris_teams")])
        with app.database.begin() as first:
            assert apply_events(environment, first, waits=False) == Applied(has_effects=True)
            with app.database.begin() as second:
                assert apply_events(environment, second, waits=False) == Applied(is_left=True)
            # The other one waits for the first, and finds that nothing is left to do.
            waiting = asyncio.create_task(
                app.database.write(lambda each: apply_events(environment, each, waits=True))
            )
            await until_async(lambda: told.mirror.fetch(WAITING_FOR_LOCKS) != [(0,)], "the wait")
        assert await waiting == Applied()


@pytest.mark.parametrize("when", ["before it starts", "while it works"])
async def test_what_a_process_has_left_that_died_after_the_answer_another_one_does(
    told: ToldService, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(integration_events, "RETRY_EVERY", 0.1)
    monkeypatch.setattr(integration_events, "AGE_LEFT", integration_events.AGE_LEFT * 0)
    async with told.serving():
        pass
    told.steps.clear()
    async with told.app() as other:
        other.open_database()

        def leave() -> None:
            with other.database.begin() as connection:
                store_events(alone(other), connection, [changed(told, "hris_teams")])

        if when == "before it starts":
            leave()
        async with told.serving():
            if when == "while it works":
                leave()
            await told.until(lambda: told.events()[0].handled_at, "the run")
    assert {key.model for key, _ in told.ended()} == {GROUPS}


@pytest.mark.parametrize("table", [streams, webhook_events], ids=["its streams", "events"])
async def test_while_a_migration_runs_an_event_is_stored_or_its_sender_told_to_come_again(
    told: ToldService, table: Table
) -> None:
    async with known(told) as app:
        applier = EventApplier(alone(app), lambda: None)
        is_stored = table is streams and not app.database.is_sqlite
        inbox = Inbox(alone(app), applier.wake, patience=30.0 if is_stored else 0.1)
        event = changed(told, "hris_teams")
        with told.mirror.open() as (_, connection):
            lock_schema(connection)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN added TEXT")
            if is_stored:
                assert await inbox.put(event) == "accepted"
            else:
                with pytest.raises(DatabaseUnavailable):
                    await inbox.put(event)
        # What was not stored in time may have been so later; then it comes again.
        if not is_stored:
            assert await Inbox(alone(app), applier.wake).put(event) in {"accepted", "repeated"}
        await until_async(lambda: due(told) == {GROUPS}, "the effect")
        assert len(told.events()) == 1
