"""The change feed takes its lock last in every transaction, and is free of any cost where it is off."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event

from syncer.app import App
from syncer.domain.streams.stream import Mode
from syncer.operations.refresh import refresh
from syncer.operations.sync import sync
from tests.support.world import MakeWorld, World

GROUPS = "hris_groups"
#: Statements of a transaction from its first one that locks the numbers on.
LAST = [r"UPDATE sync_feed SET newest", r"SELECT sync_feed\.newest", r"INSERT INTO \"mirror_changes\""]


@contextmanager
def transactions(app: App) -> Iterator[list[list[str]]]:
    """Collect the statements of each transaction that is committed."""
    under_way: defaultdict[Connection, list[str]] = defaultdict(list)
    committed: list[list[str]] = []

    def execute(connection: Connection, _: object, statement: str, *__: object) -> None:
        under_way[connection].append(statement)

    def commit(connection: Connection) -> None:
        committed.append(under_way.pop(connection, []))

    event.listen(app.database.engine, "before_cursor_execute", execute)
    event.listen(app.database.engine, "commit", commit)
    yield committed
    event.remove(app.database.engine, "before_cursor_execute", execute)
    event.remove(app.database.engine, "commit", commit)


async def all_that_changes_rows(world: World) -> list[list[str]]:
    """Load, change, sweep, hold, approve and refresh; give the statements of each transaction."""
    (company,) = world.environment.companies.values()
    first, second, third, *_ = company.ids(GROUPS)
    async with world.app() as app:
        with transactions(app) as committed:
            await sync(app, Mode.SYNC)
            world.clock.advance(timedelta(minutes=1))
            company.update(GROUPS, first, name="Legal")
            await sync(app, Mode.SYNC)
            company.vanish(GROUPS, second)
            await sync(app, Mode.RESTART)
            await sync(app, Mode.APPROVE)
            company.update(GROUPS, third, name="Sales")
            await refresh(app, company.integration_id, GROUPS, [third])
    return committed


def about_the_feed(statements: list[str]) -> list[str]:
    return [each for each in statements if "sync_feed" in each or "mirror_changes" in each]


MakeGroups = Callable[..., World]

RETENTION = "SELECT mirror_changes.sequence, mirror_changes.at"


@pytest.fixture
def make_groups(make_world: MakeWorld) -> MakeGroups:
    """Makes worlds of one model, with these settings of the feed."""

    def make(**changes: object) -> World:
        return make_world(
            sync={"models": [GROUPS]}, deletions={"max_share": 0, "max_rows": 0}, changes=changes
        )

    return make


async def test_numbers_are_the_last_that_a_transaction_takes(make_groups: MakeGroups) -> None:
    telling = 0
    for statements in await all_that_changes_rows(make_groups(models=["*"], before=True)):
        found = [place for place, each in enumerate(statements) if re.match(LAST[0], each)]
        if found:
            telling += 1
            last = statements[found[0] :]
            assert len(last) == len(LAST), last
            for statement, pattern in zip(last, LAST, strict=True):
                assert re.match(pattern, statement), last
    # The load, the update, the approved mark and the refresh.
    assert telling == 4


async def test_where_the_feed_is_off_no_transaction_that_changes_rows_has_a_statement_more(
    make_groups: MakeGroups,
) -> None:
    found = await all_that_changes_rows(make_groups())
    pattern = re.compile(r'(INSERT INTO|UPDATE) "?hris_groups')
    writing = [statements for statements in found if any(map(pattern.match, statements))]
    # The load, unless its rows are copied in, the update, the marks that were held and approved, the refresh.
    assert len(writing) in {4, 5}
    about = [each for statements in found for each in about_the_feed(statements)]
    # Each run looks once for what is too old.
    assert [each for each in about if not each.startswith(RETENTION)] == []


async def test_a_page_that_changes_nothing_tells_nothing(make_groups: MakeGroups) -> None:
    world = make_groups(models=["*"])
    await world.sync()
    async with world.app() as app:
        with transactions(app) as committed:
            await sync(app, Mode.RESTART)
    found = [each for statements in committed for each in about_the_feed(statements)]
    assert [each for each in found if not each.startswith(RETENTION)] == []
    assert len(found) == 1
