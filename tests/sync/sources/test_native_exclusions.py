"""What is excluded from a native list is in none of its rows, whenever it came to be excluded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert, text
from structlog.testing import capture_logs

from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.reproject import reproject
from syncer.simulator.server.faults import Match, native_rewritten
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.mirror_tables import all_tables
from tests.support.native_lists import PEOPLE, people, view
from tests.support.world import MakeNative, World

ADDRESS = re.compile(r"[\w.]+@firm-")
EMAILS = {"privacy": {"exclude": ["people.email", "people.work.title"]}}
BY_EMAIL = {
    "name": "by_email",
    "tool": "hibob/v1",
    "request": {"path": "/bulk/people/work", "params": {"limit": 50}},
    "for_each": {"table": "hris_employees_live", "param": "email", "column": "work_email"},
    "records": "results",
    "key": ["for_each.email", "employeeId"],
}


@pytest.fixture
def world(make_native: MakeNative) -> World:
    """HiBob's people, one of whom has no key and another a value that is no date."""
    world = make_native(people(columns={"email": "text", "born": {"type": "date", "path": "work.title"}}))

    def spoilt(data: dict[str, Any]) -> dict[str, Any]:
        first, *others = data["employees"]
        return {**data, "employees": [{**first, "id": None}, ["a", "list"], *others]}

    world.environment.faults.add(Match(call="POST *"), native_rewritten(spoilt), times=None)
    return world


def kept(world: World, *tables: str) -> str:
    """Dump tables whole; all where none are named."""
    with world.database() as connection:
        return "\n".join(
            f"{name}: {tuple(row)}"
            for name in tables or all_tables().tables
            for row in connection.execute(text(f"SELECT * FROM {name}"))
        )


def documents(world: World) -> Iterator[dict[str, Any]]:
    for row in view(world, PEOPLE).values():
        document = row["document"]
        yield json.loads(document) if isinstance(document, str) else document


async def test_it_never_enters(world: World) -> None:
    await world.sync(may_quarantine=True, models=[PEOPLE], **EMAILS)
    found = list(documents(world))
    assert found
    assert not any("email" in each or "title" in each.get("work", {}) for each in found)
    assert all(row["email"] is None for row in view(world, PEOPLE).values())
    quarantine = kept(world, "sync_quarantine")
    assert "no usable key" in quarantine
    assert "withheld" in quarantine
    assert ADDRESS.findall(kept(world)) == []
    again = await world.sync(may_quarantine=True, models=[PEOPLE], mode=Mode.RESTART, **EMAILS)
    assert sum(each.counts.written for each in again) == 0


async def test_excluded_later_it_leaves_without_a_request_and_comes_back_by_a_walk(world: World) -> None:
    await world.sync(may_quarantine=True, models=[PEOPLE])
    before = kept(world, "passthrough_records", "sync_quarantine")
    assert ADDRESS.findall(before)
    requests = len(world.environment.requests)
    async with world.app(**EMAILS) as app:
        (first,) = await reproject(app, [PEOPLE])
        (second,) = await reproject(app, [PEOPLE])
    assert first.written
    assert second.written == 0
    assert len(world.environment.requests) == requests
    assert ADDRESS.findall(kept(world)) == []
    assert not any("title" in each.get("work", {}) for each in documents(world))
    unchanged = await world.sync(may_quarantine=True, models=[PEOPLE], mode=Mode.RESTART, **EMAILS)
    assert sum(each.counts.written for each in unchanged) == 0
    (lifted,) = await world.sync(may_quarantine=True, models=[PEOPLE])
    assert lifted.kind is Kind.FULL
    assert any("email" in each for each in documents(world))


async def test_a_member_of_every_list_leaves_native_ones_at_any_depth(world: World) -> None:
    await world.sync(may_quarantine=True, models=[PEOPLE], privacy={"exclude": ["*.title"]})
    found = list(documents(world))
    assert found
    assert '"title"' not in json.dumps(found)


async def test_rows_whose_keys_were_made_of_it_are_dropped_and_read_again(make_native: MakeNative) -> None:
    by_email = people(key=["email"], columns={})
    world = make_native(by_email, BY_EMAIL, records=80)
    await world.sync(models=["hris_employees"])
    await world.sync(may_quarantine=True, models=[PEOPLE, "by_email"])
    # Another key: rows of the former one are still there.
    others: dict[str, Any] = {
        "passthrough": [people(columns={}), {**BY_EMAIL, "key": ["employeeId"], "for_each": None}]
    }
    await world.sync(may_quarantine=True, models=[PEOPLE, "by_email"], **others)
    with world.mirror.open() as (database, connection):
        keys = connection.execute(
            text("SELECT record_key FROM passthrough_records WHERE resource = 'people'")
        )
        of_people = {
            "environment": "default",
            "integration_id": "hibob:1",
            "model": PEOPLE,
            "operation": "created",
        }
        for number, key in enumerate(keys.scalars().all(), start=1):
            change = {"sequence": number, "at": database.now(connection), "record_id": key}
            connection.execute(insert(changes).values(**of_people, **change))
    assert ADDRESS.findall(kept(world, "passthrough_records"))
    excluding = ["people.email", "*.work_email", "*.personal_email", "hris_employees.manager"]
    with capture_logs() as logged:
        results = await world.sync(
            models=[PEOPLE, "by_email"], **others, privacy={"exclude": [*excluding, "by_email.values"]}
        )
    dropped = {each["model"] for each in logged if each["event"] == "native_list_dropped"}
    assert dropped == {PEOPLE, "by_email"}
    assert {each.kind for each in results} == {Kind.FULL}
    keyed = ("passthrough_records", "mirror_changes", "sync_missing", "sync_quarantine", "sync_seen")
    assert ADDRESS.findall(kept(world, *keyed, "sync_streams")) == []
    # The feed has no gaps.
    assert "hash:" in kept(world, "mirror_changes")
    assert view(world, PEOPLE)
    assert view(world, "by_email")


async def test_a_list_that_is_configured_no_more_goes_where_nobody_can_clean_it(world: World) -> None:
    await world.sync(may_quarantine=True, models=[PEOPLE])
    nowhere = {"passthrough": [], "privacy": {"exclude": ["*.work_email"]}}
    async with world.app(**nowhere) as app:
        app.open_database()
        app.reprojection.adopt()
    assert kept(world, "passthrough_records", "sync_quarantine") == ""
