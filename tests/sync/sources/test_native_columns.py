"""What follows where the configuration of a native list changes: its columns, its key, or all of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import inspect

from syncer.app import App
from syncer.domain.errors import UsageError
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.reproject import reproject
from syncer.sync.run import run_stream
from tests.support.alone import alone
from tests.support.databases import PostgresServer
from tests.support.native_lists import PEOPLE, asked, history, only, people, remote_ids, select, stream, view
from tests.support.world import MakeNative, World

COLUMNS = {
    "address": {"type": "text", "path": "email"},
    "title": {"type": "json", "path": "work.title"},
    "has_email": {"type": "boolean", "path": "email != null"},
}


@pytest.fixture
def reader(postgres_server: PostgresServer) -> Iterator[str]:
    """A role."""
    name = f"reader_{uuid.uuid4().hex}"
    postgres_server.admin.execute(f'CREATE ROLE "{name}"'.encode())
    yield name
    postgres_server.admin.execute(f'DROP ROLE "{name}"'.encode())


def change(world: World, *statements: str) -> None:
    app = world.app()
    try:
        with app.database.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        app.database.close()


def views(world: World) -> set[str]:
    with world.database() as connection:
        return set(inspect(connection).get_view_names())


async def test_other_columns_are_shown_and_filled_from_what_is_there_without_a_request(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    before, requests = view(world, PEOPLE), len(world.environment.requests)
    async with world.app(passthrough=[people(columns=COLUMNS)]) as app:
        (done,) = [each for each in await reproject(app, [PEOPLE]) if each.model == PEOPLE]
    assert (done.is_finished, done.rows, done.written) == (True, len(before), len(before))
    assert len(world.environment.requests) == requests
    after = view(world, "people_live")
    for key, row in after.items():
        assert row["address"] == before[key]["email"]
        assert bool(row["has_email"]) == (row["address"] is not None)
        assert "email" not in row
        assert row["title"] in {before[key]["title"], f'"{before[key]["title"]}"'}
        assert row["mirrored_at"] == before[key]["mirrored_at"]
        assert row["last_seen_at"] == before[key]["last_seen_at"]


async def test_the_next_run_brings_other_columns_by_itself(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    before = view(world, PEOPLE)
    (result,) = await world.sync(models=[PEOPLE], passthrough=[people(columns=COLUMNS)])
    assert result.counts.written == 0
    after = view(world, PEOPLE)
    assert {key: row["address"] for key, row in after.items()} == {
        key: row["email"] for key, row in before.items()
    }


async def test_a_list_without_columns_gets_some_and_loses_them_again(make_native: MakeNative) -> None:
    world = make_native(people(columns={}))
    await world.sync(models=[PEOPLE])
    plain = next(iter(view(world, PEOPLE).values())).keys()
    await world.sync(models=[PEOPLE], passthrough=[people()])
    assert next(iter(view(world, PEOPLE).values())).keys() == plain | {"email", "title"}
    await world.sync(models=[PEOPLE], passthrough=[people(columns={})])
    assert next(iter(view(world, PEOPLE).values())).keys() == plain
    assert select(world, "SELECT count(*) FROM passthrough_records WHERE columns IS NOT NULL") == [(0,)]


async def test_many_rows_are_followed_batch_by_batch(make_native: MakeNative) -> None:
    world = make_native(people(), history())
    await world.sync()
    async with world.app(passthrough=[people(columns=COLUMNS), history()]) as app:
        app.reprojection = replace(app.reprojection, batch_rows=3)
        await reproject(app, [PEOPLE])
    assert all(bool(row["has_email"]) == bool(row["address"]) for row in view(world, PEOPLE).values())
    assert all(row["entries"] is not None for row in view(world, "work_history").values())


async def test_a_process_that_runs_with_the_old_columns_can_write_no_more(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    async with world.app() as old, world.app(passthrough=[people(columns=COLUMNS)]) as new:
        async with alone(old).open() as (engine, asking):
            new.open_database()
            new.reprojection.adopt()
            key = next(key for key in world.streams() if key.model == PEOPLE)
            result = await run_stream(engine, asking, key, mode=Mode.RESTART)
        assert result.outcome is Outcome.FAILED
        assert "Another process mirrors this list" in str(result.error)
        await new.reprojection.finish()
    assert "address" in next(iter(view(world, PEOPLE).values()))


async def test_who_could_read_a_view_can_read_it_with_its_other_columns(
    make_native: MakeNative, reader: str
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    if "postgresql" not in world.database_url:
        # There are no roles.
        return
    change(
        world,
        f'GRANT SELECT ON people TO "{reader}"',
        f'GRANT SELECT (title) ON people_live TO "{reader}"',
    )
    await world.sync(models=[PEOPLE], passthrough=[people(columns=COLUMNS)])
    may = (
        "SELECT has_column_privilege(%s, 'people', 'address', 'SELECT'),"
        " has_column_privilege(%s, 'people_live', 'title', 'SELECT'),"
        " has_column_privilege(%s, 'people_live', 'address', 'SELECT')"
    )
    with psycopg.connect(world.database_url) as connection:
        assert connection.execute(may, (reader,) * 3).fetchall() == [(True, True, False)]
        connection.execute(f'DROP OWNED BY "{reader}"'.encode())


async def test_a_view_of_somebody_elses_on_top_is_named_and_stays(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    change(world, "CREATE VIEW titles AS SELECT title FROM people_live")
    if "postgresql" not in world.database_url:
        # There a view is looked up when it is read.
        await world.sync(models=[PEOPLE], passthrough=[people(columns=COLUMNS)])
    else:
        with pytest.raises(UsageError, match=r"^titles shows people_live"):
            await world.sync(models=[PEOPLE], passthrough=[people(columns=COLUMNS)])
    assert len(select(world, "SELECT title FROM titles")) == len(remote_ids(world))


async def test_of_a_list_that_is_configured_no_more_rows_and_views_stay(make_native: MakeNative) -> None:
    world = make_native(people(), history())
    await world.sync()
    rows = view(world, PEOPLE)
    requests = len(world.environment.requests)
    results = await world.sync(passthrough=[history()])
    assert PEOPLE not in {each.key.model for each in results}
    assert [each.call for each in asked(world, requests) if "search" in str(each.call)] == []
    assert PEOPLE not in {model for _, model in world.streams()}
    assert {PEOPLE, "people_live"} <= views(world)
    assert view(world, PEOPLE) == rows
    # It comes back, and finds all there.
    results = [each for each in await world.sync() if each.key.model == PEOPLE]
    assert [each.counts.written for each in results] == [0]


async def test_a_view_that_somebody_dropped_is_made_again(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    change(world, "DROP VIEW people_live")
    await world.sync(models=[PEOPLE])
    assert set(view(world, "people_live")) == set(remote_ids(world))


async def test_with_another_key_rows_are_new_and_the_old_ones_are_marked_after_two_lists(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    old = set(view(world, PEOPLE))
    other = [people(key=["id", "work.title || ''"])]
    result = await only(world, PEOPLE, passthrough=other)
    # Some have no title.
    new = set(view(world, PEOPLE)) - old
    assert result.counts.created == len(new) > 0
    assert result.counts.deleted == 0


async def test_with_another_key_too_many_old_rows_are_held(make_native: MakeNative) -> None:
    world = make_native(people(), deletions={"max_rows": 2, "max_share": 0.1})
    await world.sync(models=[PEOPLE])
    other: dict[str, Any] = {"passthrough": [people(key=["id", "id"])]}
    result = await only(world, PEOPLE, **other)
    assert result.outcome is Outcome.HELD
    assert stream(world, PEOPLE).state == "held"
    ids = remote_ids(world)
    assert len(view(world, "people_live")) == 2 * len(ids)
    await world.run(Mode.APPROVE, **other)
    assert set(view(world, "people_live")) == {f'["{each}","{each}"]' for each in ids}


async def test_names_of_views_that_are_there_already_are_refused_by_name(make_native: MakeNative) -> None:
    world = make_native(people())
    async with App(world.app(passthrough=[]).settings) as app:
        app.migrate()
    change(world, "CREATE TABLE people_live (id INTEGER)")
    with pytest.raises(UsageError) as caught:
        await world.sync(models=[PEOPLE])
    assert str(caught.value) == (
        "people_live is in the database already, and not as a view of syncer's making: rename it there, "
        "or the list people in the configuration."
    )
    assert PEOPLE not in views(world)
