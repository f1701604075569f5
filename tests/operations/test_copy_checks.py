"""Copies that were checked need no look with each page, and what is written later is found all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.gateway.copy_places import copied_tables
from syncer.domain.stream_key import StreamKey
from syncer.operations import copy_checks
from syncer.operations.copy_checks import CopyChecks, CopyScan
from syncer.simulator.company.company import Company
from syncer.store.db.types import decoded_json
from syncer.store.reading import written_rows
from syncer.store.reading.copy_check import can_be_checked
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.gateway import GatewayLists
from tests.support.world import MakeWorld, World

EMPLOYEES = "hris_employees"


@dataclass
class Mirrored:
    """A mirrored company, and its lists as the gateway answers them."""

    world: World
    company: Company
    lists: GatewayLists

    def suspects(self) -> frozenset[str] | None:
        """Name the employees whose copies the gateway looks at."""
        environment = self.lists.app.environment_of(self.lists.integration)
        with environment.database.read() as connection:
            now = environment.database.now(connection)
            key = StreamKey(self.lists.integration, EMPLOYEES)
            return self.lists.checks.suspects(connection, environment, key, now)

    def members(self, group: str) -> set[str]:
        """Name the employees who carry a copy of a group."""
        walk = self.lists.walk(EMPLOYEES)
        return {each["id"] for each in walk if group in {entry["id"] for entry in each["groups"]}}

    def group_of_some(self) -> str:
        """Choose a group of some employees."""
        walk = self.lists.walk(EMPLOYEES)
        return str(next(each["groups"][0]["id"] for each in walk if each["groups"]))

    def names(self, group: str) -> set[str]:
        """List the names that a group has inside employees."""
        walk = self.lists.walk(EMPLOYEES)
        return {entry["name"] for each in walk for entry in each["groups"] if entry["id"] == group}


@pytest.fixture
def mirrored(make_world: MakeWorld) -> Iterator[Mirrored]:
    world = make_world(records=300, sync={"models": [EMPLOYEES, "hris_groups"]})
    (company,) = world.environment.companies.values()
    asyncio.run(world.sync())
    lists = GatewayLists(world.app(), company.integration_id, max_age=timedelta(days=365))
    with closing(lists.app):
        yield Mirrored(world, company, lists)


def test_a_list_that_was_checked_is_answered_without_a_look_at_any_copy(mirrored: Mirrored) -> None:
    assert mirrored.suspects() is None
    mirrored.lists.walk(EMPLOYEES)
    assert mirrored.suspects() == frozenset()
    engine, statements = mirrored.lists.app.database.engine, list[str]()

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    mirrored.lists.page(EMPLOYEES, page_size="250")
    assert not [each for each in statements if "document" in each and "hris_groups" in each]


def test_who_carries_a_copy_of_what_is_written_later_is_looked_at(mirrored: Mirrored) -> None:
    group = mirrored.group_of_some()
    members = mirrored.members(group)
    assert mirrored.suspects() == frozenset()
    mirrored.company.update("hris_groups", group, name="Renamed")
    asyncio.run(mirrored.world.sync(models=["hris_groups"]))
    assert mirrored.names(group) == {"Renamed"}
    assert (mirrored.suspects() or frozenset()) >= members
    # And a check that begins anew finds them, too.
    mirrored.lists.checks = CopyChecks()
    assert mirrored.names(group) == {"Renamed"}
    assert (mirrored.suspects() or frozenset()) >= members


def test_what_is_written_while_a_list_is_being_checked_counts_as_written_later(mirrored: Mirrored) -> None:
    group = mirrored.group_of_some()
    members = mirrored.members(group)
    scan = CopyScan(
        mirrored.lists.app.environment_of(mirrored.lists.integration),
        StreamKey(mirrored.lists.integration, EMPLOYEES),
    )
    while scan.step():
        pass
    mirrored.company.update("hris_groups", group, name="Renamed")
    asyncio.run(mirrored.world.sync(models=["hris_groups"]))
    mirrored.lists.checks = CopyChecks()
    mirrored.lists.checks.keep(scan)
    assert (mirrored.suspects() or frozenset()) >= members
    assert mirrored.names(group) == {"Renamed"}


def test_of_a_list_with_too_many_suspects_every_record_is_looked_at(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_checks, "MOST_SUSPECTS", 0)
    group = mirrored.group_of_some()
    mirrored.company.update("hris_groups", group, name="Renamed")
    asyncio.run(mirrored.world.sync(models=["hris_groups"]))
    assert mirrored.names(group) == {"Renamed"}
    assert mirrored.suspects() is None


def test_where_too_much_is_written_nothing_is_taken_to_be_checked(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored.lists.walk(EMPLOYEES)
    group = mirrored.group_of_some()
    monkeypatch.setattr(written_rows, "MOST_COUNTED", -1)
    mirrored.company.update("hris_groups", group, name="Renamed")
    asyncio.run(mirrored.world.sync(models=["hris_groups"]))
    assert mirrored.suspects() is None
    assert mirrored.names(group) == {"Renamed"}


def test_every_list_that_carries_copies_is_checked() -> None:
    carriers = {name for name in catalogue() if copied_tables(name)}
    assert {"hris_absences", "ats_jobs", EMPLOYEES} <= carriers
    assert {name for name in carriers if not can_be_checked(name)} == set()
    assert not can_be_checked("hris_groups")


def test_a_record_without_a_list_that_is_written_later_is_new_in_a_list_that_was_checked(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=150, sync={"models": ["ats_jobs"]})
    (integration,) = world.environment.companies
    asyncio.run(world.sync())
    lists = GatewayLists(world.app(), integration)
    with closing(lists.app):
        titles = _titles(lists)
        # Another job has brought it with a title of its own, as Kombo has it by now.
        question = next(iter(titles))
        table = MIRROR["ats_screening_questions"]
        with lists.app.database.begin() as connection:
            found = connection.execute(select(table.c.document).where(table.c.id == question)).scalar_one()
            record = {**decoded_json(found), "title": "Another?"}
            connection.execute(
                update(table)
                .where(table.c.id == question)
                .values(
                    document=json.dumps(record),
                    title=record["title"],
                    mirrored_at=lists.app.database.now(connection),
                )
            )
        assert _titles(lists) == {**titles, question: "Another?"}


def _titles(lists: GatewayLists) -> dict[str, str]:
    """Read the titles that questions have inside jobs, twice: the second time the list has been checked."""
    lists.walk("ats_jobs")
    return {
        each["id"]: each["title"] for job in lists.walk("ats_jobs") for each in job["screening_questions"]
    }
