"""Pages of a list at the gateway while its rows change, where rows are large, and where it is not whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.limits import LARGE_PAGE_BYTES
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR, quarantine, streams
from tests.support.gateway import GatewayLists
from tests.support.records import row_of
from tests.support.rows import write_page
from tests.support.world import MakeWorld

GROUPS = MIRROR["hris_groups"]


@pytest.fixture
def lists(make_world: MakeWorld) -> Iterator[GatewayLists]:
    """An empty list of groups that is complete."""
    world = make_world(records=150, sync={"models": ["hris_groups"]})
    asyncio.run(world.sync())
    (integration,) = world.environment.companies
    lists = GatewayLists(world.app(), integration)
    with closing(lists.app):
        with lists.app.database.begin() as connection:
            connection.execute(delete(GROUPS))
        yield lists


def write(lists: GatewayLists, *ids: str, **members: Any) -> None:
    model = model_named("hris_groups")
    with lists.app.database.begin() as connection:
        now = lists.app.database.now(connection)
        rows = [row_of(model, id, random.randrange(1, 28), **members) for id in ids]
        write_page(connection, model_destination(model, lists.integration), rows, now=now, walk_began_at=now)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_there_throughout_a_walk_comes_once_however_rows_change(
    lists: GatewayLists, seed: int
) -> None:
    rng = random.Random(seed)
    ids = [f"{rng.randrange(10**9):09}" for _ in range(40)]
    write(lists, *ids)
    throughout, came = set(ids), list[str]()
    records, cursor = lists.page("hris_groups", page_size="3")
    while True:
        came += [each["id"] for each in records]
        if cursor is None:
            break
        write(lists, *rng.sample(ids, 5), f"{rng.randrange(10**9):09}")
        gone = rng.choice(ids)
        throughout.discard(gone)
        with lists.app.database.begin() as connection:
            connection.execute(delete(GROUPS).where(GROUPS.c.id == gone))
        records, cursor = lists.page("hris_groups", page_size=str(rng.randrange(1, 6)), cursor=cursor)
    assert len(came) == len(set(came))
    assert set(came) >= throughout


def test_a_page_of_large_rows_ends_before_it_takes_all_memory(lists: GatewayLists) -> None:
    noise = random.Random(1).randbytes(LARGE_PAGE_BYTES // 4).hex()
    for id in "abcde":
        write(lists, id, custom=noise)
    answer = lists.ask("hris_groups", page_size="250")
    assert isinstance(answer, Answered)
    assert len(answer.body) < 2.5 * LARGE_PAGE_BYTES
    sizes = list[int]()
    records, cursor = lists.page("hris_groups", page_size="250")
    ids = [each["id"] for each in records]
    while cursor is not None:
        sizes.append(len(records))
        records, cursor = lists.page("hris_groups", page_size="250", cursor=cursor)
        ids += [each["id"] for each in records]
    assert ids == list("abcde")
    assert all(1 <= each < 5 for each in sizes)


def in_quarantine(moment: datetime) -> Any:
    return insert(quarantine).values(
        environment="default",
        integration_id="",
        model="hris_groups",
        record_key="k",
        reason="not readable",
        document="{}",
        run_id="run",
        first_seen_at=moment,
        last_seen_at=moment,
    )


NOT_WHOLE: dict[str, Callable[[datetime], Any]] = {
    "records of the list are in quarantine": in_quarantine,
    "the list is mirrored in part": lambda _: update(streams).values(filters='{"types": "TEAM"}'),
    "the list is not mirrored": lambda _: update(streams).values(mirrored=False),
    "the integration does not offer the model": lambda _: update(streams).values(state="unavailable"),
    "the list has not been read yet": lambda _: update(streams).values(complete_at=None),
}


@pytest.mark.parametrize("reason", NOT_WHOLE)
def test_a_list_that_is_not_whole_is_forwarded_and_a_walk_of_it_ends_here(
    lists: GatewayLists, reason: str
) -> None:
    write(lists, "a", "b")
    _, cursor = lists.page("hris_groups", page_size="1")
    assert cursor is not None
    change = NOT_WHOLE[reason](lists.now())
    if change.is_insert:
        change = change.values(integration_id=lists.integration)
    with lists.app.database.begin() as connection:
        connection.execute(change)
    assert lists.ask("hris_groups", page_size="1") == Forwarded(reason)
    assert [each["id"] for each in lists.page("hris_groups", page_size="1", cursor=cursor)[0]] == ["b"]
